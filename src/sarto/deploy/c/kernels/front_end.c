/* A frame of samples becomes an 8-bit number for each band: window, transform, power, triangles, logarithm.

   FRAME_SAMPLES  of a frame, even, at most FFT         POWER_SHIFT    of |X|^2, such that it stays below 2^32
   FFT            a power of two from 16 on             BAND_FLOOR     is added to each band's energy, 1 to 2^32 - 1
   BANDS          how many                              SHIFT_BAND     of what the factors multiply
   front_window[FRAME_SAMPLES]   int16_t                front_log[33]          uint16_t
   front_twiddle[FFT]            int16_t, cosine, sine  front_zero[BANDS]      int32_t
   front_rising[]                uint16_t, of each bin  front_factor[BANDS]    int16_t
   front_edges[BANDS + 2]         uint16_t

   The scratch has FFT numbers: FFT / 2 complex ones, then the power of each bin in place of its real part. */
/* a t 2^-16, rounded down, in 32 bits. */
static inline int32_t product(int32_t a, int32_t t)
{
#if defined(__GNUC__) && defined(__ARM_FEATURE_DSP)
    int32_t found;
    __asm__("smulwb %0, %1, %2" : "=r"(found) : "r"(a), "r"(t));
    return found;
#else
    return (a >> 16) * t + ((int32_t)(a & 65535) * t >> 16);
#endif
}

static inline int32_t product_on(int32_t acc, int32_t a, int32_t t)
{
#if defined(__GNUC__) && defined(__ARM_FEATURE_DSP)
    int32_t found;
    __asm__("smlawb %0, %1, %2, %3" : "=r"(found) : "r"(a), "r"(t), "r"(acc));
    return found;
#else
    return acc + product(a, t);
#endif
}

#if defined(__GNUC__)
#define LEADING(word) __builtin_clz(word)
#else
static inline int leading(uint32_t word)
{
    int count = 0;
    for (int by = 16; by; by >>= 1)
        if (!(word >> (32 - by))) {
            count += by;
            word <<= by;
        }
    return count;
}
#define LEADING(word) leading(word)
#endif

/* The frame's sample i times its window, from a ring whose oldest sample lies at `at`. */
static inline int32_t windowed(const int16_t *ring, int at, int i, int exponent)
{
#if FRAME_SAMPLES < FFT
    if (i >= FRAME_SAMPLES)
        return 0;
#endif
    const int from = at + i < FRAME_SAMPLES ? at + i : at + i - FRAME_SAMPLES;
    return ring[from] * ((int32_t)front_window[i] << exponent);
}

/* The first two stages, whose turns are 1 and -i, on the samples in the order of their reversed bits. */
static inline void first_stages(const int16_t *ring, int at, int exponent, int32_t *z)
{
    int i = 0;
    for (int32_t *end = z + FFT; z != end; z += 8) {
        int32_t re[4], im[4];
        for (int j = 0; j < 4; j++) {
            const int from = i + (j & 1 ? FFT / 2 : 0) + (j & 2 ? FFT / 4 : 0);
            re[j] = windowed(ring, at, from, exponent) >> 1;
            im[j] = windowed(ring, at, from + 1, exponent) >> 1;
        }
        const int32_t ar = (re[0] + re[1]) >> 1, ai = (im[0] + im[1]) >> 1;
        const int32_t br = (re[0] - re[1]) >> 1, bi = (im[0] - im[1]) >> 1;
        const int32_t cr = (re[2] + re[3]) >> 1, ci = (im[2] + im[3]) >> 1;
        const int32_t dr = (im[2] - im[3]) >> 1, di = (re[3] - re[2]) >> 1;
        z[0] = ar + cr;
        z[1] = ai + ci;
        z[2] = br + dr;
        z[3] = bi + di;
        z[4] = ar - cr;
        z[5] = ai - ci;
        z[6] = br - dr;
        z[7] = bi - di;
        int bit = FFT / 8;
        for (; i & bit; bit >>= 1)
            i ^= bit;
        i |= bit;
    }
}

/* A stage: numbers that lie `size` apart, the second turned by its twiddle. */
static inline void stage(int32_t *z, int size)
{
    for (int j = 0; j < size; j++) {
        const int32_t cosine = front_twiddle[FFT / size * j], sine = front_twiddle[FFT / size * j + 1];
        for (int i = 2 * j; i < FFT; i += 4 * size) {
            int32_t *const a = z + i, *const b = a + 2 * size;
            const int32_t br = b[0], bi = b[1], ar = a[0] >> 1, ai = a[1] >> 1;
            const int32_t tr = product_on(product(br, cosine), bi, sine);
            const int32_t ti = product(bi, cosine) - product(br, sine);
            a[0] = ar + tr;
            a[1] = ai + ti;
            b[0] = ar - tr;
            b[1] = ai - ti;
        }
    }
}

static inline uint32_t power(int32_t re, int32_t im)
{
    return (uint32_t)(((int64_t)re * re + (int64_t)im * im) >> POWER_SHIFT);
}

/* Powers of the real transform, in pairs of bins. */
static inline void powers(int32_t *z)
{
    const int16_t *t = front_twiddle;
    int32_t *a = z, *b = z + FFT;
    do {
        t += 2;
        a += 2;
        b -= 2;
        const int32_t ar = a[0] >> 1, ai = a[1] >> 1, br = b[0] >> 1, bi = b[1] >> 1;
        const int32_t odd_re = ai + bi, odd_im = br - ar, er = (ar + br) >> 1, ei = (ai - bi) >> 1;
        const int32_t tr = product_on(product(odd_re, t[0]), odd_im, t[1]);
        const int32_t ti = product(odd_im, t[0]) - product(odd_re, t[1]);
        b[0] = (int32_t)power(er - tr, ei - ti);
        a[0] = (int32_t)power(er + tr, ei + ti);
    } while (a != b);
}

/* log2 with 10 fractional bits. */
static inline int32_t logarithm(uint64_t energy)
{
    const uint32_t high = (uint32_t)(energy >> 32), low = (uint32_t)energy;
    const int zeros = LEADING(high ? high : low);
    const uint32_t top = (uint32_t)(high ? energy << zeros >> 32 : low << zeros);
    const uint16_t *knot = front_log + (top >> 26 & 31);
    const int32_t value = knot[0] + (((knot[1] - knot[0]) * (int32_t)(top >> 16 & 1023) + 512) >> 10);
    return ((high ? 63 : 31) - zeros) * 1024 + ((value + 16) >> 5);
}

static inline int8_t band(uint64_t energy, int m, int exponent)
{
    energy += (uint64_t)BAND_FLOOR << (2 * exponent);
    const int32_t value = logarithm(energy) - exponent * 2048;
    return (int8_t)clamp(requantise(value - front_zero[m], front_factor[m], SHIFT_BAND), 127);
}

/* The numbers of the frame in a ring of FRAME_SAMPLES whose oldest sample lies at `at`. */
static void front_end_frame(const int16_t *ring, int at, int32_t *scratch, int8_t *out)
{
    uint32_t sizes = 0;
    for (int i = 0; i < FRAME_SAMPLES; i++)
        sizes |= (uint32_t)(ring[i] ^ (ring[i] >> 15));
    const int exponent = sizes ? LEADING(sizes) - 17 : 15;
    first_stages(ring, at, exponent, scratch);
    for (int size = 4; size < FFT / 2; size *= 2)
        stage(scratch, size);
    powers(scratch);
    const uint16_t *rising = front_rising;
    const int32_t *bin = scratch + 2 * front_edges[0];
    uint64_t below = 0;
    for (int m = 0; m <= BANDS; m++) {
        uint64_t rise = 0, whole = 0;
        for (const int32_t *end = scratch + 2 * front_edges[m + 1]; bin != end; bin += 2) {
            const uint32_t p = (uint32_t)*bin;
            rise += (uint64_t)p * *rising++;
            whole += p;
        }
        if (m)
            out[m - 1] = band(below + (whole << 15) - rise, m - 1, exponent);
        below = rise;
    }
}
