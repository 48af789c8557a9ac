/* Features are kept as a vector, for what looks at all of them at the end. */
typedef int16_t *cursor;

#if LEARNED
/* It is kept after the answer too, for learning from it; a segment that is never reached has zeros. */
static void forget(model_bank *bank)
{
    for (int k = 0; k < SEGMENTS * FEATURES; k++)
        bank->vector[k] = 0;
}

#endif
static cursor first_feature(model_bank *bank)
{
#if LEARNED
    if (SEGMENTS > 1 && bank->segment == 0)
        forget(bank);
#endif
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
#if LEARNED
    if (bank->segment == 0)
        forget(bank);
#if BANKS > 1
    arena->last[0] = (int32_t)(bank - arena->bank);
#endif
    return model_learned(arena, bank->vector);
#else
    for (int c = 0; c < OUTPUTS; c++)
        arena->sums[c] = 0;
    add_outputs(bank->vector, arena->sums);
    return arena->sums;
#endif
}
