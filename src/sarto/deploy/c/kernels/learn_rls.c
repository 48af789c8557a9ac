/* Recursive least squares in integers; sarto.learn.integer_rls defines every bit of it. */
typedef char right_shift_is_arithmetic[((int64_t)-3 >> 1) == -2 ? 1 : -1];

static int32_t clamped(int32_t value)
{
    return value > LIMIT ? LIMIT : value < -LIMIT ? -LIMIT : value;
}

/* Of two numbers within the limit: the product has 52 bits, and what is left of it 31. */
static int32_t product(int32_t a, int32_t b)
{
    return clamped((int32_t)(((int64_t)a * b + (1 << (SHIFT - 1))) >> SHIFT));
}

static int32_t moved(int32_t gain, int32_t u)
{
    const int64_t by = ((int64_t)gain * u + (1 << (GAIN_SHIFT - 1))) >> GAIN_SHIFT;
    return by > LIMIT ? LIMIT : by < -LIMIT ? -LIMIT : (int32_t)by;
}

/* part / whole with so many more bits, rounded down; bit by bit, since few cores divide 64 bits. */
static uint32_t ratio(uint32_t part, uint32_t whole, int bits)
{
    uint32_t found = part / whole, left = part % whole;
    while (bits--) {
        left <<= 1;
        found <<= 1;
        if (left >= whole) {
            left -= whole;
            found++;
        }
    }
    return found;
}

/* Takes from each column what those before it explain; with a weight, learns on the way. */
static void pass(int32_t *at, int32_t *u, int32_t weight)
{
    for (int after = COLUMNS + OUTPUTS - 1; after >= OUTPUTS; after--) {
        const int32_t x = *u++, share = product(weight, x);
        int32_t gain = 0;
        if (share) {
            const int32_t more = product(share, x), room = SUM_LIMIT - more, kept = *at < room ? *at : room;
            *at = kept + more;
            gain = (int32_t)ratio((uint32_t)(share < 0 ? -share : share), (uint32_t)*at, GAIN_SHIFT);
            gain = share < 0 ? -gain : gain;
            weight = (int32_t)((int64_t)weight * (int32_t)ratio((uint32_t)kept, (uint32_t)*at, SHIFT) >> SHIFT);
        }
        at++;
        for (int k = 0; k < after; k++, at++) {
            u[k] = clamped(u[k] - product(x, *at));
            if (gain)
                *at = clamped(*at + moved(gain, u[k]));
        }
    }
}

/* The row of a sample: the constant, its features, its targets. */
static int32_t *row_of(model_arena *arena, const int16_t *vector, int32_t target)
{
    int32_t *u = arena->row;
    u[0] = 1 << (CONSTANT_BITS + FEATURE_BITS);
    for (int k = 0; k < COLUMNS - 1; k++)
        u[1 + k] = vector[k] * (1 << FEATURE_BITS);
    for (int c = 0; c < OUTPUTS; c++)
        u[COLUMNS + c] = target;
    return u;
}

int32_t *model_learned(model_arena *arena, const int16_t *vector)
{
    int32_t *u = row_of(arena, vector, 0);
    pass(arena->learner, u, 0);
    return u + COLUMNS;
}

void model_learn(model_arena *arena, int label)
{
    if (label < 0 || label >= OUTPUTS)
        return;
    int32_t *u = row_of(arena, arena->bank[LAST].vector, -TARGET);
    u[COLUMNS + label] = TARGET;
    pass(arena->learner, u, 1 << SHIFT);
}

void model_learn_reset(model_arena *arena)
{
    int32_t *at = arena->learner;
#if KNOWN
    const int8_t *w = weights_known;
#endif
    for (int i = 0; i < COLUMNS; i++) {
        *at++ = i ? PRIOR : PRIOR_CONSTANT;
#if KNOWN
        for (int k = i + 1; k < COLUMNS; k++)
            *at++ = i ? 0 : centre[k - 1] * (1 << (SHIFT - CONSTANT_BITS));
        for (int c = 0; c < OUTPUTS; c++)
            *at++ = i ? clamped(*w++ * unit[c]) : constant[c];
#else
        for (int k = i + 1; k < COLUMNS + OUTPUTS; k++)
            *at++ = 0;
#endif
    }
}
