/* Made by make_metrics.py; see there. */
static const struct {
    int n, k;
    uint32_t seed;
    float scale, help;
    int64_t correct;
    double nll, brier, ece;
    uint64_t confusion; /* sum over label, prediction of count (7 label + prediction + 1)^2 */
} golden[] = {
    {500, 10, 1, 4, 2, 163, 2.52768754299381, 0.8855460996319742,
     0.21012884845966123, 819464u},
    {300, 2, 2, 2, 1, 208, 0.6035758929089025, 0.4114951759107976,
     0.0906819526890675, 12936u},
    {200, 1000, 3, 6, 5, 90, 5.343683701752554, 0.861202646652363,
     0.3553255958885994, 4248933397u},
    {1, 3, 4, 1, 0, 0, 1.927729703457775, 1.1610913146524386,
     0.6086166823487354, 9u},
    {64, 1, 5, 3, 0, 64, -0.0, 0.0,
     0.0, 64u},
    {400, 10, 6, 60, 30, 151, 25.30612123265308, 1.1901430899580234,
     0.5779237705180863, 696606u},
};

/* value, low, high by scipy.stats.bootstrap (percentile, 100,000 resamples), standard deviation of the mean */
static const double golden_intervals[3][4] = {
    {0.91, 0.88, 0.9375, 0.014309088021254185}, /* clean */
    {0.706, 0.6709999999999999, 0.7404999999999999, 0.01778791724739015}, /* mean over five */
    {0.20400000000000001, 0.175, 0.23399999999999999, 0.014948578527739686}, /* the difference */
};
