/* Checks the flash before an answer is given: one wrong bit anywhere in code or tables changes the sum. The linker says
   where the flash begins and where its sum lies, behind all that is summed. */
extern const uint32_t guard_first[], guard_last[];

#if @LEARN@
/* Nobody wrote the sum into the program: that of the first scrub after the start is kept, and must stay. */
static uint32_t learned;
static uint32_t is_learned;
#else
/* Written once the program is linked; see sarto.measure.guard. */
__attribute__((section(".guard"), used)) const volatile uint32_t model_guard_sum = @SUM@u;
#endif

@FAULT@
static void guard_compare(uint32_t sum)
{
#if @LEARN@
    if (!is_learned) {
        learned = sum;
        is_learned = 1;
    }
    if (sum != learned)
        guard_fault();
#else
    if (sum != model_guard_sum)
        guard_fault();
#endif
}

#define GUARD_WORD(i) sum = (sum << 31 | sum >> 1) ^ at[i];

#if @PARTS@ > 1
/* A part of the flash for each answer, so that all of it was checked after @PARTS@ answers. */
static struct {
    const uint32_t *at;
    uint32_t sum;
} guard;

static void guard_flash(void)
{
    const uint32_t *at = guard.at ? guard.at : guard_first;
    uint32_t sum = guard.at ? guard.sum : 0;
    /* @PARTS@ is a power of two: a small core has no division. */
    uint32_t blocks = ((uint32_t)(guard_last - guard_first) / 8 + @PARTS@ - 1) / @PARTS@u;
    for (; blocks && at != guard_last; blocks--, at += 8) {
        GUARD_WORD(0) GUARD_WORD(1) GUARD_WORD(2) GUARD_WORD(3)
        GUARD_WORD(4) GUARD_WORD(5) GUARD_WORD(6) GUARD_WORD(7)
    }
    if (at == guard_last) {
        guard_compare(sum);
        at = guard_first;
        sum = 0;
    }
    guard.at = at;
    guard.sum = sum;
}
#else
static void guard_flash(void)
{
    const uint32_t *at = guard_first;
    uint32_t sum = 0;
    do {
        GUARD_WORD(0) GUARD_WORD(1) GUARD_WORD(2) GUARD_WORD(3)
        GUARD_WORD(4) GUARD_WORD(5) GUARD_WORD(6) GUARD_WORD(7)
        at += 8;
    } while (at != guard_last);
    guard_compare(sum);
}
#endif

int model_predict(model_arena *arena)
{
    int found = unguarded_predict(arena);
    guard_flash();
    return found;
}

#if @WINDOWS@
int model_step(model_arena *arena, const model_sample *sample)
{
    int found = unguarded_step(arena, sample);
    if (found >= 0)
        guard_flash();
    return found;
}
#endif
