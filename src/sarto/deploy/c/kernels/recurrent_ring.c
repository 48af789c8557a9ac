/* h'_i = alpha h_i + beta tanh(w_i h_(i-1) + W_x x + b), in place: from the last neuron to the first. */
static void recurrent(STATE *h, const int16_t *x)
{
    const STATE last = h[NEURONS - 1];
    for (int i = NEURONS - 1; i >= 0; i--) {
        const STATE before = i > 0 ? h[i - 1] : last;
        h[i] = settle(i, h[i], weights[i * RING_STRIDE] * before + drive(i, x));
    }
}
