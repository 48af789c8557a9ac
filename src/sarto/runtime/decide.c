/* The decisions of sarto.runtime.manager: the same operations on the same doubles in the same order. */
#include "decide.h"

#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#endif

static const double UNLIMITED = 1e300, LN2_HIGH = 6.93147180369123816490e-01, LN2_LOW = 1.90821492927058770002e-10;

typedef union {
    double value;
    uint64_t bits;
} real;

/* x = 2^e f with f in [sqrt(1/2), sqrt(2)); log f = 2 (s + s^3/3 + s^5/5 + ...) with s = (f - 1) / (f + 1). */
static double logarithm(double x)
{
    real f = {x};
    int e = (int)(f.bits >> 52 & 0x7FF) - 1023;
    f.bits = (f.bits & 0xFFFFFFFFFFFFFull) | 0x3FF0000000000000ull;
    if (f.value > 1.4142135623730951) {
        f.value *= 0.5;
        e++;
    }
    double s = (f.value - 1) / (f.value + 1), square = s * s, sum = 0;
    for (int k = 25; k >= 3; k -= 2)
        sum = (sum + 1.0 / k) * square;
    return e * LN2_HIGH + (2 * s + (2 * s * sum + e * LN2_LOW));
}

/* 2^k times the series of e^r with |r| <= log(2)/2. */
static double exponential(double x)
{
    double scaled = x * 1.4426950408889634;
    int k = (int)(scaled + (scaled < 0 ? -0.5 : 0.5));
    double r = x - k * LN2_HIGH - k * LN2_LOW, sum = 1;
    for (int n = 16; n >= 1; n--)
        sum = 1 + sum * r / n;
    real power = {0};
    power.bits = (uint64_t)(k + 1023) << 52;
    return sum * power.value;
}

static double magnitude(double x) { return x < 0 ? -x : x; }

void manager_init(manager_state *m)
{
    m->level = 0;
    for (int c = 0; c < MANAGER_CLUSTERS; c++)
        m->offset[c] = 0;
    m->margin = MANAGER_FIRST_MARGIN;
    m->spread = 2 * MANAGER_LEAST_SPREAD;
    m->before_level = m->before_offset = 0;
    m->seen = 0;
    m->last = m->last_cluster = -1;
    m->surprised = 0;
}

static double change(const manager_state *m, int i)
{
    if (m->last < 0)
        return 0;
    if (manager_cluster[i] != manager_cluster[m->last])
        return MANAGER_MOVE_S;
    return manager_frequency_hz[i] != manager_frequency_hz[m->last] ? MANAGER_FREQUENCY_S : 0;
}

/* Energy of a job at a point, and of the change to it. */
static double energy(const manager_state *m, const double *factor, int i)
{
    double job = manager_energy_j[i] * factor[manager_cluster[i]];
    return job + change(m, i) * manager_power_w[i];
}

/* Leaves of the points that were found those of no more than a bound, or of the least where none is; returns the latter. */
static int keep(uint8_t *found, const double *amounts, double bound)
{
    double least = 1e308;
    for (int i = 0; i < MANAGER_POINTS; i++) {
        double amount = found[i] ? amounts[i] : 1e308;
        least = amount < least ? amount : least;
    }
    int broken = least > bound;
    bound = broken ? least : bound;
    for (int i = 0; i < MANAGER_POINTS; i++)
        found[i] &= amounts[i] <= bound;
    return broken;
}

static uint8_t break_least(manager_state *m, const manager_goal *goal, const uint8_t *available, double deadline)
{
    const double *amounts[MANAGER_LIMITS] = {manager_power_w, m->time_s, manager_lacking};
    const double most[MANAGER_LIMITS] = {goal->power_w, deadline, -goal->accuracy};
    uint8_t relaxed = 0;
    for (int i = 0; i < MANAGER_POINTS; i++)
        m->found[i] = !available || available[i];
    for (int order = 0; order < MANAGER_LIMITS; order++) {
        int limit = goal->firm_first[order];
        if (most[limit] < UNLIMITED && keep(m->found, amounts[limit], most[limit]))
            relaxed |= (uint8_t)(1 << limit);
    }
    return relaxed;
}

static uint8_t allow(manager_state *m, const manager_goal *goal, const uint8_t *available)
{
    double deadline = goal->deadline_s / m->margin, fastest = 1e308;
    int some = 0;
    for (int i = 0; i < MANAGER_POINTS; i++) {
        int within = (!available || available[i]) & (manager_power_w[i] <= goal->power_w) &
                     (manager_lacking[i] <= -goal->accuracy);
        double time = within ? m->time_s[i] : 1e308;
        fastest = time < fastest ? time : fastest;
        m->found[i] = (uint8_t)(within & (m->time_s[i] <= deadline));
        some |= m->found[i];
    }
    if (some)
        return 0;
    if (fastest >= UNLIMITED || fastest > goal->deadline_s / exponential(0.25 * logarithm(m->margin)))
        return break_least(m, goal, available, deadline);
    for (int i = 0; i < MANAGER_POINTS; i++)
        m->found[i] = (!available || available[i]) & (manager_power_w[i] <= goal->power_w) &
                      (manager_lacking[i] <= -goal->accuracy) & (m->time_s[i] <= fastest);
    return 0;
}

int manager_decide(manager_state *m, const manager_goal *goal, const uint8_t *available, manager_decision *decision)
{
    double factor[MANAGER_CLUSTERS], cheapest = 1e308;
    for (int c = 0; c < MANAGER_CLUSTERS; c++)
        factor[c] = exponential(m->level + m->offset[c]);
    for (int i = 0; i < MANAGER_POINTS; i++) {
        double slowed = manager_latency_s[i] * factor[manager_cluster[i]];
        m->time_s[i] = slowed + change(m, i);
    }
    decision->relaxed = allow(m, goal, available);
    if (MANAGER_POLICY == MANAGER_MAX_ACCURACY)
        keep(m->found, manager_lacking, -1e308);
    int index = 0;
    for (int i = 0; i < MANAGER_POINTS; i++) {
        double cost = m->found[i] ? energy(m, factor, i) : 1e308;
        index = cost < cheapest ? i : index;
        cheapest = cost < cheapest ? cost : cheapest;
    }
    if (m->last >= 0 && m->found[m->last] && energy(m, factor, m->last) <= cheapest * (1 + MANAGER_HYSTERESIS))
        index = m->last;
    decision->index = index;
    decision->expected_s = m->time_s[index];
    decision->change_s = change(m, index);
    return index;
}

static void sort(double *values, int count)
{
    for (int gap = count / 2; gap > 0; gap /= 2)
        for (int i = gap; i < count; i++) {
            double value = values[i];
            int j = i;
            for (; j >= gap && values[j - gap] > value; j -= gap)
                values[j] = values[j - gap];
            values[j] = value;
        }
}

static void remember(manager_state *m, double error)
{
    m->errors[m->seen % MANAGER_MEMORY] = error;
    m->seen++;
    if (m->seen < 2 * MANAGER_FRESH || m->seen % MANAGER_FRESH)
        return;
    int known = m->seen < MANAGER_MEMORY ? (int)m->seen : MANAGER_MEMORY;
    for (int i = 0; i < known; i++)
        m->sorted[i] = magnitude(m->errors[i]);
    sort(m->sorted, known);
    double spread = 1.4826 * m->sorted[known / 2];
    m->spread = spread > MANAGER_LEAST_SPREAD ? spread : MANAGER_LEAST_SPREAD;
    if (m->seen < 1 / MANAGER_LATE)
        return;
    for (int i = 0; i < known; i++)
        m->sorted[i] = m->errors[i] + 0.0; /* a plain copy may become a call of memcpy */
    sort(m->sorted, known);
    double wanted = (1 - MANAGER_LATE) * known; /* its ceiling, less 1 */
    int above = (int)wanted;
    above -= above == wanted;
    double margin = exponential(m->sorted[above]);
    m->margin = margin > 1 ? margin : 1;
}

static void heard(manager_state *m, int cluster, double ratio)
{
    double seen = logarithm(ratio);
    seen = seen < -MANAGER_MOST ? -MANAGER_MOST : seen > MANAGER_MOST ? MANAGER_MOST : seen;
    double error = seen - m->level - m->offset[cluster];
    int moved = cluster != m->last_cluster && m->last_cluster >= 0;
    if (m->surprised) {
        double now = seen - m->before_level - m->before_offset, bound = MANAGER_SURPRISE * m->spread;
        if (magnitude(now) < bound && bound <= magnitude(error) && !moved) {
            m->level = m->before_level;
            m->offset[cluster] = m->before_offset;
            error = now;
        }
        m->surprised = 0;
    }
    m->level += (1 - MANAGER_FADE) * m->offset[cluster];
    for (int c = 0; c < MANAGER_CLUSTERS; c++)
        m->offset[c] *= MANAGER_FADE;
    if (magnitude(error) > MANAGER_SURPRISE * m->spread) {
        m->surprised = 1;
        m->before_level = m->level;
        m->before_offset = m->offset[cluster];
        *(moved ? &m->offset[cluster] : &m->level) += error;
    } else {
        m->level += MANAGER_RATE * error;
        remember(m, error);
    }
    m->last_cluster = cluster;
}

void manager_observe(manager_state *m, const manager_decision *decision, double latency_s)
{
    if (!(latency_s > 0 && latency_s < UNLIMITED))
        return;
    double own = latency_s - decision->change_s, least_own = 0.01 * latency_s;
    own = own > least_own ? own : least_own;
    heard(m, manager_cluster[decision->index], own / manager_latency_s[decision->index]);
    m->last = decision->index;
}
