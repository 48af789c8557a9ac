/* The three programs of the network, and the windows that overlap in a stream. */
static void clear(model_bank *bank)
{
    for (int i = 0; i < NEURONS; i++)
        bank->h[i] = 0;
#if POOLS
    for (int i = 0; i < UNITS; i++)
        bank->total[i] = 0;
#endif
    for (int c = 0; c < OUTPUTS; c++)
        bank->sums[c] = 0;
#if LATEST
    for (int c = 0; c < OUTPUTS; c++)
        bank->latest[c] = 0;
#endif
    bank->count = 0;
    bank->segment = 0;
}

static void end_segment(model_bank *bank)
{
    const int8_t *w = weights_out + bank->segment * ((UNITS + LAST * NEURONS) * OUTPUTS);
#if POOLS
    const int32_t scale = (int32_t)(((1u << 30) + bank->count / 2) / bank->count);
    for (int i = 0; i < UNITS; i++) {
        w = readout(bank->total[i], scale, exponent[i], w, bank->sums);
        bank->total[i] = 0;
    }
#endif
#if LAST
    for (int i = 0; i < NEURONS; i++)
        w = readout(bank->h[i], 1 << 30, exponent[UNITS + i], w, bank->sums);
#endif
    bank->count = 0;
    bank->segment++;
}

static void step_bank(model_arena *arena, model_bank *bank, const model_sample *sample)
{
#if LATEST
    keep_latest(bank->latest, sample);
#else
    (void)sample;
#endif
#if RING
    recurrent(bank->h, arena->x);
#else
    recurrent(bank->h, arena->x, arena->next);
    for (int i = 0; i < NEURONS; i++)
        bank->h[i] = arena->next[i];
#endif
    if (bank->count < POOLED_STEPS) {
        bank->count++;
#if POOLS
        pool(bank->total, bank->h);
#endif
    }
#if SEGMENTS > 1
    if (bank->segment < SEGMENTS - 1 && bank->count == SEGMENT_STEPS)
        end_segment(bank);
#endif
}

static int finish_bank(model_arena *arena, model_bank *bank)
{
    if (bank->count > 0)
        end_segment(bank);
    const int index = decide(bank->sums, arena->scores);
#if LATEST
    add_latest(bank->latest, arena->scores);
#endif
    return index;
}

static void start(model_arena *arena)
{
    for (int b = 0; b < BANKS; b++) {
        clear(&arena->bank[b]);
#if WINDOW
        arena->bank[b].age = -b * HOP;
#endif
    }
    arena->label = -1;
}

void model_init(model_arena *arena)
{
    start(arena);
    for (int c = 0; c < OUTPUTS; c++)
        arena->scores[c] = 0;
}

int model_step(model_arena *arena, const model_sample *sample)
{
    int label = -1;
    standardise(sample, arena->x);
#if WINDOW
    for (int b = 0; b < BANKS; b++) {
        model_bank *bank = &arena->bank[b];
        if (bank->age >= 0 && bank->age < WINDOW)
            step_bank(arena, bank, sample);
        bank->age++;
        if (bank->age == WINDOW) {
            label = arena->label = finish_bank(arena, bank);
            clear(bank);
        }
        if (bank->age == BANKS * HOP)
            bank->age = 0;
    }
#else
    step_bank(arena, &arena->bank[0], sample);
#endif
    return label;
}

/* The last window that ended decides; where none has, what there is of the first one does. */
int model_predict(model_arena *arena)
{
    const int label = arena->label >= 0 ? arena->label : finish_bank(arena, &arena->bank[0]);
    start(arena);
    return label;
}

const int32_t *model_scores(const model_arena *arena)
{
    return arena->scores;
}
