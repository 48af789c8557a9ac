/* Features are kept as a vector, for what looks at all of them at the end. */
typedef int16_t *cursor;

static cursor first_feature(model_bank *bank)
{
    return bank->vector + bank->segment * FEATURES;
}

static inline cursor take(model_bank *bank, cursor at, int32_t z)
{
    (void)bank;
    *at = (int16_t)z;
    return at + 1;
}

static int32_t *outputs_of(model_arena *arena, model_bank *bank)
{
    for (int c = 0; c < OUTPUTS; c++)
        arena->sums[c] = 0;
    add_outputs(bank->vector, arena->sums);
    return arena->sums;
}
