/* h'_i = alpha h_i + beta tanh(w_i h_(i-1) + W_x x + b), in place: from the last neuron to the first. */
static void recurrent(STATE *h, const int16_t *x)
{
    const STATE last = h[NEURONS - 1];
    for (int i = NEURONS - 1; i >= 0; i--) {
        const STATE before = i > 0 ? h[i - 1] : last;
        const int8_t *w = weights_in + i * CHANNELS;
        int32_t driven = 0;
        for (int c = 0; c < CHANNELS; c++)
            driven += w[c] * x[c];
#if CYCLIC
        h[i] = settle(i, before, weights[i * RING_STRIDE] * before + driving(i, driven));
#else
        h[i] = settle(i, h[i], weights[i * RING_STRIDE] * before + driving(i, driven));
#endif
    }
}
