/* A layer whose sums do not add up to what they should, which is known before, is computed once more: what was wrong in a
   register or a sum is right then. What is still wrong lies in the flash, or in what the layer reads: no answer. */
#define TWICE(found, wanted) \
    for (uint32_t again = 0, should = (wanted); (found) != should; again = 1) \
        if (again) \
            guard_fault()
