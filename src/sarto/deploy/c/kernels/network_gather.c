static inline uint8_t *zeros(uint8_t *to, int count)
{
    for (; count > 0; count--)
        *to++ = 0;
    return to;
}

static inline uint8_t *copied(uint8_t *to, const uint8_t *from, int count)
{
#if WORDS_DSP
    for (; count >= 4; count -= 4, to += 4, from += 4)
        __builtin_memcpy(to, from, 4);
#endif
    for (; count > 0; count--)
        *to++ = *from++;
    return to;
}

/* Lays what a place of a convolution sees of the channels of group `g` side by side. */
SEPARATE static void gather(const conv_layer *l, const uint8_t *x, int top, int left, int g, uint8_t *to)
{
    const int width = l->channels / l->groups, whole = l->kernel_columns * width;
    /* Columns of the kernel that lie inside. */
    int first = 0, last = l->kernel_columns;
    while (first < last && left + first * l->dilation_column < 0)
        first++;
    while (last > first && left + (last - 1) * l->dilation_column >= l->columns)
        last--;
    for (int i = 0, from = top; i < l->kernel_rows; i++, from += l->dilation_row) {
        if (from < 0 || from >= l->rows || first == last) {
            to = zeros(to, whole);
            continue;
        }
        const uint8_t *seen = x + (from * l->columns + left + first * l->dilation_column) * l->channels + g * width;
        to = zeros(to, first * width);
        if (width == l->channels && l->dilation_column == 1)
            to = copied(to, seen, (last - first) * width);
        else
            for (int j = first; j < last; j++, seen += l->dilation_column * l->channels)
                to = copied(to, seen, width);
        to = zeros(to, (l->kernel_columns - last) * width);
    }
}
