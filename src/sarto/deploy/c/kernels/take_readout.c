/* A linear readout takes features one by one: each adds its share to the sums of the outputs, and is forgotten. */
typedef const int8_t *cursor;

static cursor first_feature(model_bank *bank)
{
    return weights_out + bank->segment * (FEATURES * OUTPUTS);
}

static inline cursor take(model_bank *bank, cursor at, int32_t z)
{
    return readout(z, at, bank->sums);
}

static int32_t *outputs_of(model_arena *arena, model_bank *bank)
{
    (void)arena;
    return bank->sums;
}
