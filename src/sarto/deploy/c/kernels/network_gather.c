SEPARATE static uint8_t *zeros(uint8_t *to, int count)
{
#if WORDS_DSP
    for (; count >= 4; count -= 4, to += 4)
        __builtin_memset(to, 0, 4);
#endif
    for (; count > 0; count--)
        *to++ = 0;
    return to;
}

SEPARATE static uint8_t *copied(uint8_t *to, const uint8_t *from, int count)
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
    int first, last;
    inside(left, l->dilation_column, l->kernel_columns, l->columns, &first, &last);
    for (int i = 0, from = top; i < l->kernel_rows; i++, from += l->dilation_row) {
        if (from < 0 || from >= l->rows || first == last) {
            to = zeros(to, whole);
            continue;
        }
        const uint8_t *seen = x + (from * l->columns + left + first * l->dilation_column) * l->channels + g * width;
        const int beside = width == l->channels && l->dilation_column == 1 ? last - first : 1;
        if (first > 0)
            to = zeros(to, first * width);
        for (int j = first; j < last; j += beside, seen += l->dilation_column * l->channels)
            to = copied(to, seen, beside * width);
        if (last < l->kernel_columns)
            to = zeros(to, (l->kernel_columns - last) * width);
    }
}

#if PAIRS
#if WORDS_DSP
/* The same where the channels of a group are whole words, into every other word of `to`. */
SEPARATE static void gather_words(const conv_layer *l, const uint8_t *x, int top, int left, int g, uint32_t *to)
{
    const int width = l->channels / l->groups, bottom = top + l->kernel_rows * l->dilation_row;
    const int right = left + l->kernel_columns * l->dilation_column;
    for (int i = top; i != bottom; i += l->dilation_row)
        for (int j = left; j != right; j += l->dilation_column) {
            const uint32_t *const end = to + width / 2;
            if (i < 0 || i >= l->rows || j < 0 || j >= l->columns)
                for (; to != end; to += 2)
                    *to = 0;
            else
                for (const uint8_t *seen = x + (i * l->columns + j) * l->channels + g * width; to != end; to += 2, seen += 4)
                    *to = loaded(seen);
        }
}
#endif
#endif
