/* Group by group: each runs its layers on the input, and adds what it has found to the sums of the outputs. */
static void begin(uint8_t *m)
{
#if OWN_HEADS
    (void)m;
#else
    int32_t *const sums = (int32_t *)(m + SUMS_AT);
    for (int i = 0; i < MODEL_OUTPUTS; i++)
        sums[i] = head.row[2 * i];
#endif
}

static void add_group(uint8_t *m, int g)
{
    layers_of(m, g);
#if OWN_HEADS
    const uint8_t *const from = m + FOUND_AT;
    uint8_t *const to = m + FEATURES_AT + g * FEATURES_B;
    for (int i = 0; i < FEATURES; i++)
        to[i] = from[i];
#else
    ADD_ROWS(weights + HEAD_AT + g * GROUP_WEIGHTS, (const found_t *)(m + FOUND_AT), FEATURES_B, MODEL_OUTPUTS,
             (int32_t *)(m + SUMS_AT));
#endif
}

/* The scores of a width, out of the sums. */
static void settle_scores(uint8_t *m, int width)
{
    int32_t *const sums = (int32_t *)(m + SUMS_AT);
#if OWN_HEADS
    const scaling *const s = heads + width - 1;
    for (int i = 0; i < MODEL_OUTPUTS; i++)
        sums[i] = s->row[2 * i];
    for (int g = 0; g < width; g++)
        ADD_ROWS(head_weights + (width * (width - 1) / 2 + g) * HEAD_B,
                 (const found_t *)(m + FEATURES_AT + g * FEATURES_B), FEATURES_B, MODEL_OUTPUTS, sums);
#else
    const scaling *const s = &head;
    (void)width;
#endif
    for (int i = 0; i < MODEL_OUTPUTS; i++)
        settle_any(s, s->row + 2 * i, sums[i], m + SCORES_AT * 4, i);
}
