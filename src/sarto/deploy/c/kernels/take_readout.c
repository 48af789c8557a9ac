/* A linear readout takes features one by one: each adds its share to the sums of the outputs, and is forgotten. */
typedef const int8_t *cursor;

static cursor first_feature(model_bank *bank)
{
#if CHECKED
    return weights_out + bank->segment * (FEATURES * (OUTPUTS + 2));
#else
    return weights_out + bank->segment * (FEATURES * OUTPUTS);
#endif
}

static inline cursor take(model_bank *bank, cursor at, int32_t z)
{
#if CHECKED
    /* Behind the weights of a feature comes their sum, in two digits of 8 bits. Its share is taken off one more sum, so
       that all of them together are 0 modulo 2^32. */
    at = readout(z, at, bank->sums);
    bank->sums[OUTPUTS] = (int32_t)((uint32_t)bank->sums[OUTPUTS] - (uint32_t)((at[0] + 256 * at[1]) * z));
    return at + 2;
#else
    return readout(z, at, bank->sums);
#endif
}

static int32_t *outputs_of(model_arena *arena, model_bank *bank)
{
    (void)arena;
#if CHECKED
    uint32_t all = 0;
    for (int c = 0; c <= OUTPUTS; c++)
        all += (uint32_t)bank->sums[c];
    if (all)
        guard_fault();
#endif
    return bank->sums;
}
