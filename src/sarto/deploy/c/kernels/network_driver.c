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
/* What the program calls. A step lays one line of the item into the input; the network runs when its class is asked for. */
#endif
void model_init(model_arena *arena)
{
    arena->line = 0;
}

int model_step(model_arena *arena, const model_sample *sample)
{
#if FRONT_END
    uint8_t *const m = (uint8_t *)arena->words;
    listening(arena);
    front_end_take((front_end_state *)(m + FRAME_AT), *sample, (int32_t *)(m + TRANSFORM_AT), (int8_t *)(m + HEARD_AT));
#else
    if (arena->line < MODEL_LINES) {
        model_sample *to = (model_sample *)arena->words + INPUT_AT + arena->line * MODEL_CHANNELS;
        for (int i = 0; i < MODEL_CHANNELS; i++)
            to[i] = sample[i];
        arena->line++;
    }
#endif
    return -1;
}

#if FRONT_END
int model_listen(model_arena *arena)
{
    listening(arena);
#else
int model_predict(model_arena *arena)
{
    model_sample *input = (model_sample *)arena->words + INPUT_AT;
    for (int i = arena->line * MODEL_CHANNELS; i < MODEL_LINES * MODEL_CHANNELS; i++)
        input[i] = 0;
    arena->line = 0;
#endif
    network((uint8_t *)arena->words);
    const int32_t *scores = model_scores(arena);
    int best = 0;
    for (int i = 1; i < MODEL_OUTPUTS; i++)
        if (scores[i] > scores[best])
            best = i;
    return best;
}

#if FRONT_END
int model_predict(model_arena *arena)
{
    const int best = model_listen(arena);
    arena->line = 0;
    return best;
}

#endif
const int32_t *model_scores(const model_arena *arena)
{
    return (const int32_t *)arena->words + SCORES_AT;
}
