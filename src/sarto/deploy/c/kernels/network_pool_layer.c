/* The largest number, or the mean of all, within a kernel; the mean counts zeros outside, the largest does not. */
typedef struct {
    uint16_t rows, columns, channels, to_rows, to_columns;
    uint16_t kernel_rows, kernel_columns, stride_row, stride_column, padding_row, padding_column;
    uint16_t mean, wide; /* into 32 bits */
    int32_t factor, shift, low, high;
} pool_layer;
