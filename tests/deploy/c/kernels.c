/* Calls every kernel of sarto/deploy/c/kernels by itself: the kernels are included as they are, with sizes and tables
   chosen here. The state is 16 bits wide unless NARROW is defined. */
#include <stdint.h>

#define CHANNELS 2
#define OUTPUTS 3
#define NEURONS 3
#define SAMPLE int32_t
#define SHIFT_IN 4
#define VECTOR int16_t
#define INPUT_SHIFT 3
#define BIAS_SHIFT 5
#define SHIFT 6
#define ALPHA 16384
#define BETA 12288
#define SHIFT_OUT 4
#define LATEST_SHIFT 2
#define SCORE_LIMIT 1073741823
#define FEATURE_LIMIT 8191
#define POOL_SQUARES 1
#define RING_STRIDE 1

static const int32_t zero[2] = {100, -2147483647};
static const int32_t factor_in[2] = {3, 16777215};
static const int8_t weights_in[6] = {1, -2, 127, -127, 0, 3};
static const int8_t bias[3] = {7, -127, 0};
static const int16_t factor_out[3] = {16, 32767, 1};
static const int32_t bias_out[3] = {5, 1073741823, -1073741823};
static const int16_t latest_channel[3] = {1, 0, 1};
static const int16_t latest_factor[3] = {16384, 32767, 3};

#define TREES 2
#define HIDDEN 2
#define FEATURES 3
#define SEGMENTS 1
#define BIAS_SHIFT_HIDDEN 3
#define SHIFT_HIDDEN 20
#define FACTOR_STRIDE 1
static const int16_t tree_root[2] = {0, -1};
static const uint8_t tree_feature[2] = {2, 0};
static const int16_t tree_threshold[2] = {-5, 8191};
static const int16_t tree_child[4] = {-1, 1, -2, -3};
static const int8_t tree_leaf[9] = {1, 2, 3, -127, 127, 0, 50, -60, 70};
static const int8_t weights_hidden[6] = {127, -127, 3, 0, 1, -2};
static const int16_t bias_hidden[2] = {-32767, 99};
static const int16_t factor_hidden[2] = {32767, 5};
static const int8_t weights_out[6] = {1, -127, 127, 2, 3, -4};

#ifdef NARROW
#define STATE int8_t
#define STATE_LIMIT 127
#define ROW_STRIDE 0
#define SQUARE_SHIFT 0
#define TABLE_SHIFT 13
static const int16_t factor[1] = {64};
static const int8_t table[4] = {1, 50, 90, 127};
static const int8_t weights[3] = {100, -100, 50};
#else
#define STATE int16_t
#define STATE_LIMIT 32767
#define ROW_STRIDE 1
#define SQUARE_SHIFT 15
#define TABLE_SHIFT 14
static const int16_t factor[3] = {64, 1, 32767};
static const int16_t table[3] = {0, 20000, 32767};
static const int8_t weights[9] = {1, 2, 3, -4, 5, 6, 7, 8, -127};
#endif

#include "arithmetic.h"
#include "clamp.h"
#include "requantise.h"
#include "standardise.h"
#define DENSE_STATE dense_int16
#define WORDS
#include "magnitude.h"
#include "interpolated.h"
#ifdef NARROW
#include "tanh_int8.h"
#else
#include "tanh_int16.h"
#endif
#include "neuron.h"
#include "driving.h"
#include "words.h"
#include "dense.h"
#include "dense_int16.h"
#include "dense_int8.h"
#ifdef NARROW
#include "recurrent_ring.h"
#else
#include "recurrent_dense.h"
#endif
#define recurrent recurrent_from_a_start
#define START 2463534242u
#define CONSTANT 77
#define STATES 4
#define INPUTS 4
#ifdef NARROW
#define STATE_UP 5
#define STATE_DOWN 0
#else
#define STATE_UP 0
#define STATE_DOWN 3
#endif
#include "generated.h"
#include "recurrent_seeded.h"
#undef recurrent
#define TURN_STRIDE ROW_STRIDE
#define TURN_SHIFT 8
static const int16_t factor_turn[3] = {64, 1, 32767};
#include "turned.h"
#define SLOTS 3
#define KEEP 30000
#define ENTERING 25
#define ENTERING_SHIFT 3
static const int8_t memory_in[6] = {127, -127, 1, 2, 0, -3};
#include "remember.h"
#define RESCALE 20000
#define RESCALE_SHIFT 6
#include "rescale.h"
#include "pool.h"
#include "reciprocal.h"
#include "mean_feature.h"
#include "value_feature.h"
#include "readout.h"
#include "scores.h"
#include "argmax.h"
#define decide decide_values
#include "values.h"
#undef decide
#include "latest.h"
#include "forest.h"
#define add_outputs add_random_features
#include "activation_tanh.h"
#define activation activation_of_a_turn
#include "activation_cosine.h"
#undef activation
#include "random_features.h"
#undef add_outputs

int32_t call_requantise(int32_t acc, int32_t m, int s);
int32_t call_clamp(int32_t value, int32_t limit);
int32_t call_tanh(int32_t z);
int32_t call_driving(int i, int32_t driven);
int32_t call_magnitude(int32_t z);
int call_dense_int16(const int8_t *w, const int16_t *v, int columns, int32_t *acc);
int call_dense_int8(const int8_t *w, const int8_t *v, int columns, int32_t *acc);
int32_t call_settle(int i, int32_t old, int32_t acc);
void call_standardise(const int32_t *raw, int16_t *x);
void call_recurrent(STATE *h, const int16_t *x);
uint32_t call_generated(uint32_t word, const int16_t *v, int columns, int32_t *acc);
void call_seeded(STATE *h, const int16_t *sample, int16_t *x);
int32_t call_turned(int i, int32_t sum);
void call_remember(int16_t *m, const int16_t *x);
void call_rescale(const STATE *below, int16_t *x);
void call_pool(int32_t *total, const STATE *h);
void call_forest(const int16_t *vector, int32_t *sums);
void call_random_features(const int16_t *vector, int32_t *sums);
int32_t call_cosine(int32_t phase);
int32_t call_reciprocal(int32_t steps);
int call_readout(int32_t z, const int8_t *w, int32_t *sums);
int32_t call_mean_feature(int32_t sum, int32_t scale, int shift);
int32_t call_value_feature(int32_t value, int shift);
int call_decide(const int32_t *sums, int32_t *scores);
int call_values(const int32_t *sums, int32_t *scores);
void call_latest(const int32_t *sample, int32_t *scores);

int32_t call_requantise(int32_t acc, int32_t m, int s) { return requantise(acc, m, s); }
int32_t call_clamp(int32_t value, int32_t limit) { return clamp(value, limit); }
int32_t call_tanh(int32_t z) { return tanh_lookup(z); }
int32_t call_driving(int i, int32_t driven) { return driving(i, driven); }
int32_t call_magnitude(int32_t z) { return magnitude(z); }

int call_dense_int16(const int8_t *w, const int16_t *v, int columns, int32_t *acc)
{
    return (int)(dense_int16(w, v, columns, acc) - w);
}

int call_dense_int8(const int8_t *w, const int8_t *v, int columns, int32_t *acc)
{
    return (int)(dense_int8(w, v, columns, acc) - w);
}

int32_t call_settle(int i, int32_t old, int32_t acc) { return settle(i, old, acc); }
void call_standardise(const int32_t *raw, int16_t *x) { standardise(raw, x); }
int32_t call_turned(int i, int32_t sum) { return turned(i, sum); }
void call_remember(int16_t *m, const int16_t *x) { remember(m, x); }
void call_rescale(const STATE *below, int16_t *x) { rescale(below, x); }
void call_pool(int32_t *total, const STATE *h) { pool(total, h); }
int call_decide(const int32_t *sums, int32_t *scores) { return decide(sums, scores); }
int call_values(const int32_t *sums, int32_t *scores) { return decide_values(sums, scores); }

void call_forest(const int16_t *vector, int32_t *sums) { add_outputs(vector, sums); }
void call_random_features(const int16_t *vector, int32_t *sums) { add_random_features(vector, sums); }
int32_t call_cosine(int32_t phase) { return activation_of_a_turn(phase); }

int32_t call_reciprocal(int32_t steps) { return reciprocal(steps); }

void call_latest(const int32_t *sample, int32_t *scores)
{
    int32_t latest[OUTPUTS];
    keep_latest(latest, sample);
    add_latest(latest, scores);
}

void call_recurrent(STATE *h, const int16_t *x)
{
#ifdef NARROW
    recurrent(h, x);
#else
    STATE next[NEURONS];
    recurrent(h, x, next);
    for (int i = 0; i < NEURONS; i++)
        h[i] = next[i];
#endif
}

uint32_t call_generated(uint32_t word, const int16_t *v, int columns, int32_t *acc)
{
    return generated(word, v, columns, acc);
}

void call_seeded(STATE *h, const int16_t *sample, int16_t *x)
{
    int16_t before[STATES];
    for (int c = 0; c < CHANNELS; c++)
        x[c] = sample[c];
    recurrent_from_a_start(h, x, before);
}

int32_t call_mean_feature(int32_t sum, int32_t scale, int shift) { return mean_feature(sum, scale, shift); }
int32_t call_value_feature(int32_t value, int shift) { return value_feature(value, shift); }

int call_readout(int32_t z, const int8_t *w, int32_t *sums)
{
    return (int)(readout(z, w, sums) - w);
}
