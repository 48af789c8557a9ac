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
} conv_layer;
