/* Which cells of a robustness table a mean is taken over, and what an image contributes to it. */
#ifndef ROBUSTNESS_COLUMNS_H
#define ROBUSTNESS_COLUMNS_H

#include "reshift/robustness.h"

/** From 0: the corruption of that place in the table. */
typedef enum table_column { COLUMN_CLEAN = -3, COLUMN_LEADERBOARD = -2, COLUMN_ALL = -1 } table_column;

/** The corruption's row in reshift_corruption_table(). */
int table_row(const reshift_corruption *corruption);
/** All 15 corruptions that leaderboards average are in the table. */
bool table_is_official(const reshift_robustness *table);
/** Corruption c of the table counts in this column (not COLUMN_CLEAN). */
bool column_counts(const reshift_robustness *table, table_column column, int c);
/** The share of the severities at which image i is named rightly under this corruption (NULL: clean, 0 or 1). */
double right_share(const reshift_robustness *table, const reshift_corruption *corruption, int64_t i);

#endif
