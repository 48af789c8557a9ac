/* Add the state to the running sums; with POOL_SQUARES the second half sums rounded squares. */
static void pool(int32_t *total, const STATE *h)
{
    for (int i = 0; i < NEURONS; i++) {
        const int32_t value = h[i];
        total[i] += value;
#if POOL_SQUARES
        total[NEURONS + i] += (value * value + (SQUARE_SHIFT ? 1 << SQUARE_SHIFT >> 1 : 0)) >> SQUARE_SHIFT;
#endif
    }
}
