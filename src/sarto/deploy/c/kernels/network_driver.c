#if FRONT_END
/* What the program calls. Samples become what the network reads; `line` is 0 before the first one of a recording. */
static void listening(model_arena *arena)
{
    if (!arena->line) {
        uint8_t *const m = (uint8_t *)arena->words;
        front_end_begin((front_end_state *)(m + FRAME_AT), (int32_t *)(m + TRANSFORM_AT), (int8_t *)(m + HEARD_AT));
        arena->line = 1;
    }
}

#else
/* What the program calls. A step lays one line of the item into the input; the network runs when its class is asked for
   or a window ends. */
static INPUT *input_of(model_arena *arena)
{
    return (INPUT *)arena->words + INPUT_AT;
}

#endif
#if WIDTHS
/* Runs the next group. The first one comes after what an item's missing lines are. */
static void add_next(model_arena *arena)
{
    uint8_t *const m = (uint8_t *)arena->words;
    if (!arena->groups) {
        INPUT *input = input_of(arena);
        for (int i = arena->line * MODEL_CHANNELS; i < MODEL_LINES * MODEL_CHANNELS; i++)
            input[i] = 0;
        begin(m);
    }
    add_group(m, arena->groups++);
}

#endif
static int decide(model_arena *arena)
{
#if WIDTHS
    settle_scores((uint8_t *)arena->words, arena->groups);
#else
#if FRONT_END
    listening(arena);
#else
    INPUT *input = input_of(arena);
    for (int i = arena->line * MODEL_CHANNELS; i < MODEL_LINES * MODEL_CHANNELS; i++)
        input[i] = 0;
#endif
    network((uint8_t *)arena->words);
#endif
#if NUMBERS
    return 0;
#else
    const int32_t *scores = model_scores(arena);
    int best = 0;
    for (int i = 1; i < MODEL_OUTPUTS; i++)
        if (scores[i] > scores[best])
            best = i;
#if REJECT
    return rejected(scores, best) ? MODEL_OUTPUTS : best;
#else
    return best;
#endif
#endif
}

void model_init(model_arena *arena)
{
    arena->line = 0;
#if WIDTHS
    arena->groups = 0;
#endif
#if WINDOWS
    arena->label = -1;
#endif
}

int model_step(model_arena *arena, const model_sample *sample)
{
#if FRONT_END
    uint8_t *const m = (uint8_t *)arena->words;
    listening(arena);
    front_end_take((front_end_state *)(m + FRAME_AT), *sample, (int32_t *)(m + TRANSFORM_AT), (int8_t *)(m + HEARD_AT));
#else
    if (arena->line < MODEL_LINES) {
        INPUT *to = input_of(arena) + arena->line * MODEL_CHANNELS;
#if BYTES
        standardise(sample, to);
#else
        for (int i = 0; i < MODEL_CHANNELS; i++)
            to[i] = sample[i];
#endif
        arena->line++;
    }
#if WIDTHS
    arena->groups = 0;
#endif
#endif
#if WINDOWS
    if (arena->line == MODEL_LINES) {
        INPUT *input = input_of(arena);
        arena->label = decide(arena);
        arena->line = MODEL_LINES - MODEL_HOP;
        for (int i = 0; i < (MODEL_LINES - MODEL_HOP) * MODEL_CHANNELS; i++)
            input[i] = input[i + MODEL_HOP * MODEL_CHANNELS];
        return arena->label;
    }
#endif
    return -1;
}

#if WIDTHS
int model_run(model_arena *arena, int width)
{
    if (width < 1 || width > MODEL_WIDTHS)
        return MODEL_NO_WIDTH;
    arena->groups = 0;
    while (arena->groups < width)
        add_next(arena);
    return decide(arena);
}

int model_extend(model_arena *arena)
{
    if (arena->groups >= MODEL_WIDTHS)
        return MODEL_NO_WIDTH;
    add_next(arena);
    return decide(arena);
}

int model_cascade(model_arena *arena, const int32_t *least)
{
    int best = model_run(arena, 1);
    for (; arena->groups < MODEL_WIDTHS; best = model_extend(arena)) {
        const int32_t *const scores = model_scores(arena);
        int32_t second = INT32_MIN / 2;
        for (int i = 0; i < MODEL_OUTPUTS; i++)
            if (i != best && scores[i] > second)
                second = scores[i];
        if (scores[best] - second >= least[arena->groups - 1])
            break;
    }
    return best;
}

#endif
#if FRONT_END
int model_listen(model_arena *arena)
{
    return decide(arena);
}

#endif
#if WINDOWS
/* The last window that ended decides; where none has, what there is of the first one does. */
#endif
int model_predict(model_arena *arena)
{
#if WINDOWS
    const int best = arena->label >= 0 ? arena->label : decide(arena);
#else
#if WIDTHS
    const int best = model_run(arena, MODEL_WIDTH);
#else
    const int best = decide(arena);
#endif
#endif
    model_init(arena);
    return best;
}

const int32_t *model_scores(const model_arena *arena)
{
    return (const int32_t *)arena->words + SCORES_AT;
}
