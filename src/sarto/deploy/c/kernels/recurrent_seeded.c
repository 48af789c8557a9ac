static void recurrent(STATE *h, int16_t *x, int16_t *before)
{
    uint32_t word = START;
    for (int i = 0; i < NEURONS; i++)
        before[i] = h[i];
#if STATES > NEURONS
    for (int i = NEURONS; i < STATES; i++)
        before[i] = 0;
#endif
    x[CHANNELS] = CONSTANT;
#if INPUTS > CHANNELS + 1
    for (int i = CHANNELS + 1; i < INPUTS; i++)
        x[i] = 0;
#endif
    for (int i = 0; i < NEURONS; i += 4) {
        int32_t sum[4], driven[4];
        word = generated(word, before, STATES, sum);
        word = generated(word, x, INPUTS, driven);
        for (int r = 0; r < 4 && i + r < NEURONS; r++) {
            const int32_t kept = (sum[r] * (1 << STATE_UP) + (1 << STATE_DOWN >> 1)) >> STATE_DOWN;
            h[i + r] = settle(i + r, h[i + r], kept + driven[r]);
        }
    }
}
