/* The manager of operating points for a device without an operating system: C99, no library, no memory but this struct.

   Before each job call manager_decide, run the job at the point it returns, and tell manager_observe how long it took. */
#ifndef SARTO_MANAGER_H
#define SARTO_MANAGER_H

#include <stdint.h>
#include "points.h"

enum { MANAGER_POWER, MANAGER_DEADLINE, MANAGER_ACCURACY, MANAGER_LIMITS };
enum { MANAGER_MIN_ENERGY, MANAGER_MAX_ACCURACY };
enum { MANAGER_MEMORY = 256 };

/* Columns of the points; what is lacking is the accuracy with its sign changed, of which less is better too. */
extern const double manager_latency_s[MANAGER_POINTS], manager_power_w[MANAGER_POINTS], manager_energy_j[MANAGER_POINTS];
extern const double manager_lacking[MANAGER_POINTS], manager_frequency_hz[MANAGER_POINTS];
extern const uint16_t manager_cluster[MANAGER_POINTS];

/* What is not limited is 1e300 or more; an accuracy, -1e300 or less. */
typedef struct {
    double deadline_s, accuracy, power_w;
    uint8_t firm_first[MANAGER_LIMITS]; /* limits in the order in which they are kept */
} manager_goal;

typedef struct {
    int index;       /* of the point */
    uint8_t relaxed; /* bit 1 << limit for each that gave way */
    double expected_s, change_s;
} manager_decision;

typedef struct {
    double level, offset[MANAGER_CLUSTERS], margin, spread, before_level, before_offset;
    double errors[MANAGER_MEMORY], sorted[MANAGER_MEMORY];
    uint32_t seen;
    int last, last_cluster, surprised;
    double time_s[MANAGER_POINTS];
    uint8_t found[MANAGER_POINTS];
} manager_state;

void manager_init(manager_state *m);
/* `available` has a byte for each point, 0 where it cannot be used; at least one can. A null pointer: all can. */
int manager_decide(manager_state *m, const manager_goal *goal, const uint8_t *available, manager_decision *decision);
void manager_observe(manager_state *m, const manager_decision *decision, double latency_s);

#endif
