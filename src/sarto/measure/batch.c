/* Feeds whole sequences to the model on the host, as main.c does on a board; see probe.c for the rows of results.
   The handlers stand for the compiler's library of undefined behaviour: they note the kind and end the batch. */
#include "model.h"

int64_t batch(const int32_t *words, const int64_t *steps, int64_t sequences, int32_t *results, int64_t capacity);
const char *batch_undefined(void);

static model_arena arena;
static const char *undefined;
static void *before[5];

static int report(int64_t sequence, int64_t step, int index, int32_t *row)
{
    const int32_t *scores = model_scores(&arena);
    row[0] = (int32_t)sequence;
    row[1] = (int32_t)step;
    row[2] = index;
    for (int i = 0; i < MODEL_OUTPUTS; i++)
        row[3 + i] = scores[i];
    return 1;
}

/* Returns how many rows of results there are, or -1 after undefined behaviour. */
int64_t batch(const int32_t *words, const int64_t *steps, int64_t sequences, int32_t *results, int64_t capacity)
{
    model_sample sample[MODEL_CHANNELS];
    int64_t rows = 0;
    if (__builtin_setjmp(before))
        return -1;
    model_init(&arena);
    for (int64_t s = 0; s < sequences; s++) {
        for (int64_t t = 0; t < steps[s]; t++) {
            for (int i = 0; i < MODEL_CHANNELS; i++)
                sample[i] = (model_sample)*words++;
            int index = model_step(&arena, sample);
            if (index >= 0 && rows < capacity)
                rows += report(s, t, index, results + rows * (3 + MODEL_OUTPUTS));
        }
        int index = model_predict(&arena);
        if (rows < capacity)
            rows += report(s, -1, index, results + rows * (3 + MODEL_OUTPUTS));
    }
    return rows;
}

const char *batch_undefined(void) { return undefined; }

#define HANDLER(kind)                                \
    void __ubsan_handle_##kind##_minimal(void);      \
    void __ubsan_handle_##kind##_minimal(void)       \
    {                                                \
        undefined = #kind;                           \
        __builtin_longjmp(before, 1);                \
    }
HANDLER(type_mismatch)
HANDLER(alignment_assumption)
HANDLER(add_overflow)
HANDLER(sub_overflow)
HANDLER(mul_overflow)
HANDLER(negate_overflow)
HANDLER(divrem_overflow)
HANDLER(shift_out_of_bounds)
HANDLER(out_of_bounds)
HANDLER(local_out_of_bounds)
HANDLER(builtin_unreachable)
HANDLER(missing_return)
HANDLER(vla_bound_not_positive)
HANDLER(float_cast_overflow)
HANDLER(load_invalid_value)
HANDLER(invalid_builtin)
HANDLER(implicit_conversion)
HANDLER(nonnull_arg)
HANDLER(nonnull_return)
HANDLER(pointer_overflow)
