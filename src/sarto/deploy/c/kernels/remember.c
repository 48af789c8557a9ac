/* m'_i = keep m_(i-1) + V_x x, in place: from the last slot to the first. */
static void remember(int16_t *m, const int16_t *x)
{
    const int16_t last = m[SLOTS - 1];
    for (int i = SLOTS - 1; i >= 0; i--) {
        const int32_t before = i > 0 ? m[i - 1] : last;
        const int8_t *w = memory_in + i * CHANNELS;
        int32_t entering = 0;
        for (int c = 0; c < CHANNELS; c++)
            entering += w[c] * x[c];
        const int32_t kept = (before * KEEP + (1 << 14)) >> 15;
        m[i] = (int16_t)clamp(kept + requantise(entering, ENTERING, ENTERING_SHIFT), 32767);
    }
}
