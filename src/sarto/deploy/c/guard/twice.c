/* A layer whose sums do not add up as they should is computed once more, since what was wrong in a register or in RAM may
   be right then. What is still wrong lies in the flash, and there is no answer. */
#define TWICE(found, wanted)                           \
    for (int again = 0; (found) != (wanted); again = 1) \
        if (again)                                     \
            guard_fault()
