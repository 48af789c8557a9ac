/* Runs one sequence on this host: again and again for its time, and once above a painted stack for its depth. */
#include "model.h"

enum { PAINTED = 1 << 16, PAINT = 0xa5 };

int64_t native_arena(void);
int64_t native_run(const model_sample *words, int64_t steps, int64_t times);
int64_t native_stack(const model_sample *words, int64_t steps);

static model_arena arena;

int64_t native_arena(void) { return (int64_t)sizeof arena; }

/* Returns the sum of the answers, so that no call can be left out. */
int64_t native_run(const model_sample *words, int64_t steps, int64_t times)
{
    int64_t sum = 0;
    for (int64_t i = 0; i < times; i++) {
        for (int64_t t = 0; t < steps; t++)
            sum += model_step(&arena, words + t * MODEL_CHANNELS);
        sum += model_predict(&arena);
    }
    return sum;
}

/* Both have a frame of the same kind, which lies where those of the model lie when the same function calls them. */
static __attribute__((noinline)) void paint(void)
{
    volatile uint8_t below[PAINTED];
    for (int i = 0; i < PAINTED; i++)
        below[i] = PAINT;
}

static __attribute__((noinline)) int64_t written(void)
{
    volatile uint8_t below[PAINTED];
    int64_t clean = 0;
    while (clean < PAINTED && below[clean] == PAINT)
        clean++;
    return PAINTED - clean;
}

/* Bytes of stack that the deepest call wrote; PAINTED when that was all there is. */
int64_t native_stack(const model_sample *words, int64_t steps)
{
    model_init(&arena);
    paint();
    native_run(words, steps, 1);
    return written();
}
