/* What the program calls. A step lays one line of the item into the input; the network runs when its class is asked for. */
void model_init(model_arena *arena)
{
    arena->line = 0;
}

int model_step(model_arena *arena, const model_sample *sample)
{
    if (arena->line < MODEL_LINES) {
        model_sample *to = (model_sample *)arena->words + INPUT_AT + arena->line * MODEL_CHANNELS;
        for (int i = 0; i < MODEL_CHANNELS; i++)
            to[i] = sample[i];
        arena->line++;
    }
    return -1;
}

int model_predict(model_arena *arena)
{
    model_sample *input = (model_sample *)arena->words + INPUT_AT;
    for (int i = arena->line * MODEL_CHANNELS; i < MODEL_LINES * MODEL_CHANNELS; i++)
        input[i] = 0;
    arena->line = 0;
    network((uint8_t *)arena->words);
    const int32_t *scores = model_scores(arena);
    int best = 0;
    for (int i = 1; i < MODEL_OUTPUTS; i++)
        if (scores[i] > scores[best])
            best = i;
    return best;
}

const int32_t *model_scores(const model_arena *arena)
{
    return (const int32_t *)arena->words + SCORES_AT;
}
