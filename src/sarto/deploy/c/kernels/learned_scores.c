/* The score of one output of a readout that learns, which leaves minus what it says in its row. */
static int32_t score(const int32_t *sums, int c)
{
    return (-sums[c] + (1 << (SHIFT_OUT - 1))) >> SHIFT_OUT;
}
