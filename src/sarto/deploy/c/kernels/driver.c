/* The three programs of the network, and the windows that overlap in a stream. */
static void end_segment(model_bank *bank)
{
    hand_over(bank, first_feature(bank));
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
    advance(arena, bank, bank->count < POOLED_STEPS);
    if (bank->count < POOLED_STEPS)
        bank->count++;
#if SEGMENTS > 1
    if (bank->segment < SEGMENTS - 1 && bank->count == SEGMENT_STEPS)
        end_segment(bank);
#endif
}

static int finish_bank(model_arena *arena, model_bank *bank)
{
    if (bank->count > 0)
        end_segment(bank);
    const int index = decide(outputs_of(arena, bank), arena->scores);
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
