/* What a convolution is made of. */
typedef struct {
    scaling scale;
    const int8_t *weights;
    uint16_t rows, columns, channels; /* that it reads */
    uint16_t to_rows, to_columns, outputs;
    uint16_t kernel_rows, kernel_columns, stride_row, stride_column, padding_row, padding_column;
    uint16_t dilation_row, dilation_column, groups;
    uint16_t taps;   /* of a patch, up to a multiple of four */
    uint16_t direct; /* whether the patch is what lies in the input as it is */
    uint16_t pairs;  /* whether its channels are whole words, so that the patches of two places can lie word by word */
#if CHECKED_CONV
    const int16_t *check; /* for each group the sums of its weights at every tap; none where the layer is not checked */
    const uint32_t *sums; /* for each group that of its biases */
#endif
} conv_layer;

/* Leads to the next place of a convolution, by the first row and column that its kernel looks at. */
static inline void next_place(const conv_layer *l, int *top, int *left)
{
    *left += l->stride_column;
    if (*left == l->to_columns * l->stride_column - l->padding_column) {
        *left = -l->padding_column;
        *top += l->stride_row;
    }
}

/* Which of `size` numbers of a kernel, `apart` from each other and the first at `begin`, lie within 0 and `limit`. */
static inline void inside(int begin, int apart, int size, int limit, int *first, int *last)
{
    *first = 0;
    *last = size;
    while (*first < *last && begin + *first * apart < 0)
        ++*first;
    while (*last > *first && begin + (*last - 1) * apart >= limit)
        --*last;
}
