/* A reservoir: the state moves on with every sample, and what the pooling asks for is summed. */
static void advance(model_arena *arena, model_bank *bank, int pooled)
{
#if LAYERS
    layers(arena, bank);
#else
#if RING
    recurrent(bank->h, arena->x);
#elif SEEDED
    recurrent(bank->h, arena->x, arena->before);
#else
#if SLOTS
    remember(bank->m, arena->x);
    recurrent(bank->h, arena->x, bank->m, arena->next);
#else
    recurrent(bank->h, arena->x, arena->next);
#endif
    for (int i = 0; i < NEURONS; i++)
        bank->h[i] = arena->next[i];
#endif
#endif
#if POOLS
    if (pooled)
        pool(bank->total, bank->h);
#else
    (void)pooled;
#endif
}

static void hand_over(model_bank *bank, cursor at)
{
#if POOLS
    const int32_t scale = reciprocal(bank->count);
    for (int i = 0; i < UNITS; i++) {
        at = take(bank, at, mean_feature(bank->total[i], scale, exponent[i]));
        bank->total[i] = 0;
    }
#endif
#if LAST
    for (int i = 0; i < NEURONS; i++)
        at = take(bank, at, value_feature(bank->h[i], exponent[UNITS + i]));
#endif
}
