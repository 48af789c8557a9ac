/* Kernels of nine taps, three of weight 2 and six of -1: how often each is above its threshold. `history` is a ring
   of the last SPAN samples, zero before a sequence starts. */
static void advance(model_arena *arena, model_bank *bank, int pooled)
{
    const int now = bank->position[0];
    int kernel = 0;
    for (int c = 0; c < CHANNELS; c++)
        bank->history[now * CHANNELS + c] = arena->x[c];
    bank->position[0] = (uint16_t)(now + 1 < SPAN ? now + 1 : 0);
    if (!pooled)
        return;
    for (int g = 0; g < GROUPS; g++) {
        const int16_t *column = bank->history + group_channel[g];
        const int dilation = group_dilation[g], end = group_end[g];
        int32_t tap[9], total = 0;
        int at = now;
        for (int j = 8; j >= 0; j--) {
            tap[j] = column[at * CHANNELS];
            total += tap[j];
            at -= dilation;
            if (at < 0)
                at += SPAN;
        }
        for (; kernel < end; kernel++) {
            const unsigned word = taps[kernel];
            const int32_t three = tap[word & 15] + tap[word >> 4 & 15] + tap[word >> 8];
            bank->above[kernel] = (uint16_t)(bank->above[kernel] +
                                             (3 * three - total > threshold[kernel] * (1 << THRESHOLD_SHIFT)));
        }
    }
}

static void hand_over(model_bank *bank, cursor at)
{
    const int32_t scale = reciprocal(bank->count);
    for (int k = 0; k < KERNELS; k++) {
        at = take(bank, at, mean_feature(bank->above[k], scale, exponent[k]));
        bank->above[k] = 0;
    }
}
