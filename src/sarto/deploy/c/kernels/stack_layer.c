/* One layer of a stack: its own part of the states moves on. */
static void move_layer(model_arena *arena, model_bank *bank)
{
    STATE *const h = bank->h + FIRST;
#if ABOVE
    rescale(bank->h + BELOW, INPUT);
#endif
#if SLOTS
    remember(MEMORY, INPUT);
#endif
#if RING
    recurrent(h, INPUT);
#elif SEEDED
    recurrent(h, INPUT, arena->before);
#else
#if SLOTS
    recurrent(h, INPUT, MEMORY, arena->next);
#else
    recurrent(h, INPUT, arena->next);
#endif
    for (int i = 0; i < NEURONS; i++)
        h[i] = arena->next[i];
#endif
}
