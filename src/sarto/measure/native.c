/* Runs one sequence on this host: again and again for its time, and once above a painted stack for its depth. */
#include "model.h"

enum { PAINTED = 1 << 16 };

int64_t native_arena(void);
int64_t native_run(const model_sample *words, int64_t steps, int64_t times);
int64_t native_stack(const model_sample *words, int64_t steps, int colour);

static model_arena arena;

int64_t native_arena(void) { return (int64_t)sizeof arena; }

/* Returns the sum of the answers, so that no call can be left out. */
static inline __attribute__((always_inline)) int64_t run(const model_sample *words, int64_t steps)
{
    int64_t sum = 0;
    for (int64_t t = 0; t < steps; t++)
        sum += model_step(&arena, words + t * MODEL_CHANNELS);
    return sum + model_predict(&arena);
}

int64_t native_run(const model_sample *words, int64_t steps, int64_t times)
{
    int64_t sum = 0;
    for (int64_t i = 0; i < times; i++)
        sum += run(words, steps);
    return sum;
}

static __attribute__((noinline)) void paint(uint8_t colour)
{
    volatile uint8_t below[PAINTED];
    for (int i = 0; i < PAINTED; i++)
        below[i] = colour;
}

/* Its frame lies where that of `paint` lay, and where those of the model did, since the same function calls them all: from
   its caller's stack pointer down to the deepest byte that is not as it was painted is what a call of the model took. */
static __attribute__((noinline)) int64_t written(uint8_t colour)
{
    volatile uint8_t below[PAINTED];
    int64_t clean = 0;
    while (clean < PAINTED && below[clean] == colour)
        clean++;
    return (const volatile uint8_t *)__builtin_dwarf_cfa() - (below + clean);
}

/* Bytes of stack that the deepest call took; PAINTED or more when that was all there is. A function of the model may align
   its frame to as much as a vector register, and what it skips must not depend on where the stack begins. */
int64_t native_stack(const model_sample *words, int64_t steps, int colour)
{
    volatile uint8_t aligned[64] __attribute__((aligned(64)));
    aligned[0] = (uint8_t)colour;
    model_init(&arena);
    paint(aligned[0]);
    run(words, steps);
    return written(aligned[0]);
}
