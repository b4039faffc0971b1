-- The job in SQL, for DuckDB and DataFusion: one pass over the rows for whole entries, the rest for odd lines only.
-- Tables in place before: number (the law by tariff number), rate, ieepa_rate, owing, calendar, people; for each piece
-- piece_facts (its entries) and the view numbers (its rows). {name} stands for constants of the law and for words in which the two differ.
-- Days are counted from 1970-01-01; money is in cents, BIGINT.
-- A row alone shows whether its line is plain: chapter 98 first, base number last, with the value on it. Only lines with
-- something odd on them are put together; everything else is summed by entry.

-- @facts
{into} facts{as} SELECT * FROM piece_facts;

-- @sums
CREATE OR REPLACE VIEW marked AS
    SELECT r.*, coalesce(k.cls, 0) AS cls, coalesce(k.marks, 0) AS marks, k.first_day, k.last_day,
           r.h < 98000000 AS is_base, r.h >= 98000000 AND r.h < 99000000 AS is98, r.h >= 99000000 AS is99
    FROM numbers r LEFT JOIN number k USING (h);
{into} sums{as}
    SELECT e, CAST(sum(d) AS BIGINT) AS filed, CAST(sum(CASE WHEN cls > 0 THEN d ELSE 0 END) AS BIGINT) AS removed,
           bit_or(CASE WHEN cls IN (1, 2) THEN 1 WHEN h {div} 100 = 990303 THEN 2
                       WHEN cls = 0 AND h {div} 100 IN (990301, 990302) THEN 4 ELSE 0 END) AS marks,
           max(CASE WHEN cls = 0 AND privileged_date IS NULL THEN first_day END) AS first_day,
           min(CASE WHEN cls = 0 AND privileged_date IS NULL THEN last_day END) AS last_day
    FROM marked GROUP BY e;
CREATE OR REPLACE TABLE odd AS
    SELECT DISTINCT l FROM marked
    WHERE is_base <> (o = n) OR (is98 AND o > 1) OR (is_base AND v = 0) OR (cls > 0 AND v > 0) OR cls = 2
       OR privileged_date IS NOT NULL OR (d = 0 AND marks & {can_owe} > 0 AND (spi IS NULL OR NOT is_base))
       OR (is_base AND marks & {metal} > 0 AND origin IN ('CA', 'MX'));

-- @odd_best
CREATE OR REPLACE TABLE odd_rows AS SELECT * FROM marked WHERE l IN (SELECT l FROM odd);

-- @odd_store
CREATE OR REPLACE TABLE odd_rows AS
    SELECT m.*, quantity_1_e2 AS q1, uom_1, quantity_2_e2 AS q2, uom_2, quantity_3_e2 AS q3, uom_3
    FROM (SELECT * FROM marked WHERE l IN (SELECT l FROM odd)) m
    LEFT JOIN store_quantities q ON q.tariff = m.row AND m.is_base AND m.marks & {specific} > 0;

-- @lines
CREATE OR REPLACE TABLE lines AS
    WITH by_line AS (
        SELECT l, min(e) AS e, bool_or(coalesce(set_mark = 'V', false)) AS in_set,
               bool_or(coalesce(origin IN ('CA', 'MX'), false)) AS from_border,
               max(CASE WHEN ftz_status = 'P' THEN privileged_date END) AS zone_day,
               sum(CASE WHEN cls = 2 THEN d ELSE 0 END) AS d_replacement, sum(CASE WHEN is_base THEN d ELSE 0 END) AS d_base,
               sum(CASE WHEN cls > 0 THEN d ELSE 0 END) AS d_ieepa,
               sum(CASE WHEN cls > 0 THEN 1 ELSE 0 END) AS ieepa, sum(CASE WHEN cls = 2 THEN 1 ELSE 0 END) AS replacements,
               sum(CASE WHEN cls IN (1, 2) THEN 1 ELSE 0 END) AS charging, sum(CASE WHEN is98 THEN 1 ELSE 0 END) AS n98,
               sum(CASE WHEN is99 AND cls = 0 THEN 1 ELSE 0 END) AS remaining99,
               sum(CASE WHEN is_base THEN 1 ELSE 0 END) AS n_base,
               sum(v) AS v, sum(CASE WHEN cls > 0 THEN v ELSE 0 END) AS v_ieepa,
               sum(CASE WHEN cls > 0 AND v > 0 THEN 1 ELSE 0 END) AS n_v_ieepa,
               sum(CASE WHEN is_base THEN v ELSE 0 END) AS v_base, sum(CASE WHEN is98 THEN v ELSE 0 END) AS v_98,
               max(CASE WHEN is98 THEN o END) AS last_98, min(CASE WHEN is99 THEN o END) AS first_99,
               max(CASE WHEN is99 THEN o END) AS last_99, min(CASE WHEN is_base THEN o END) AS first_base,
               max(CASE WHEN cls = 0 THEN first_day END) AS first_day, min(CASE WHEN cls = 0 THEN last_day END) AS last_day,
               bool_or(cls = 0 AND d = 0 AND marks & {can_owe} > 0) AS may_owe, bool_or(marks & {metal} > 0) AS is_metal
        FROM odd_rows GROUP BY l)
    SELECT b.*, coalesce(last_98 > first_99, false) OR coalesce(last_98 > first_base, false)
                    OR coalesce(last_99 > first_base, false) AS disordered,
           coalesce(zone_day, CASE WHEN f.entry_type IN {entry_date_types} THEN f.entry_date
                                   ELSE coalesce(f.inbond_date, f.entry_date) END) AS day,
           CASE WHEN ieepa = 0 OR in_set THEN ''
                WHEN v = v_ieepa AND (v = 0 OR n98 > 0) THEN 'nowhere'
                WHEN n_v_ieepa = 0 OR n98 > 0 THEN ''
                WHEN v_base > 0 THEN 'double'
                WHEN n_v_ieepa = 1 AND v = v_ieepa AND n_base = 1 THEN 'moved'
                ELSE 'nowhere' END AS placed
    FROM by_line b JOIN piece_facts f ON f.e = b.e;
-- Column 1 has to be known where a replacement number goes, and where a value moves to the base number.
CREATE OR REPLACE TABLE column1 AS
    WITH need AS (
        SELECT n.l, n.day, n.n_base, n.replacements, n.d_base, n.d_replacement,
               CASE WHEN placed = 'double' THEN n.v - n.v_ieepa ELSE n.v END AS v,
               r.h, r.spi, r.q1, r.q2, r.q3, r.uom_1, r.uom_2, r.uom_3
        FROM lines n LEFT JOIN (SELECT * FROM odd_rows WHERE is_base) r ON r.l = n.l AND n.n_base = 1
        WHERE NOT n.in_set AND n.n98 = 0 AND (n.replacements > 0 OR n.placed = 'moved')),
    rated AS (
        SELECT n.*, coalesce(s.code, g.code) AS code, CASE WHEN s.h IS NULL THEN g.u1 ELSE s.u1 END AS u1,
               CASE WHEN s.h IS NULL THEN g.u3 ELSE s.u3 END AS u3, coalesce(s.p1, g.p1) AS p1, coalesce(s.p2, g.p2) AS p2,
               coalesce(s.p3, g.p3) AS p3, n.h {div} 1000000 = {alcohol} AS alcohol
        FROM need n
        LEFT JOIN rate g ON g.h = n.h AND g.spi = '' AND n.day BETWEEN g.first_day AND g.last_day
        LEFT JOIN rate s ON s.h = n.h AND s.spi = n.spi AND n.day BETWEEN s.first_day AND s.last_day),
    counted AS (
        SELECT *, CASE WHEN code = 'K' THEN q1 WHEN u1 = uom_1 THEN q1 WHEN u1 = uom_2 THEN q2 WHEN u1 = uom_3 THEN q3 END AS c1,
               CASE WHEN u3 = uom_1 THEN q1 WHEN u3 = uom_2 THEN q2 WHEN u3 = uom_3 THEN q3 END AS c3
        FROM rated),
    whole AS (
        SELECT * REPLACE (
            CASE WHEN p1 <= {whole} AND NOT alcohol AND coalesce(u1, '') <> 'PFL' THEN (c1 + 50) {div} 100 * 100 ELSE c1 END AS c1,
            CASE WHEN p3 <= {whole} AND NOT alcohol AND coalesce(u3, '') <> 'PFL' THEN (c3 + 50) {div} 100 * 100 ELSE c3 END AS c3)
        FROM counted),
    -- Dollars in 10^-11 (code K: in 10^-13); null when a quantity is missing or the code has no formula.
    exact AS (
        SELECT *, CASE
            WHEN code = '0' THEN CAST(0 AS {wide})
            WHEN code IN ('1', '2') THEN CAST(p1 AS {wide}) * c1
            WHEN code = '3' THEN CAST(p1 AS {wide}) * c1 + CAST(p3 AS {wide}) * c3
            WHEN code IN ('4', '5', 'D') THEN CAST(p1 AS {wide}) * c1 + CAST(p2 AS {wide}) * v * 100
            WHEN code IN ('6', 'E') THEN CAST(p1 AS {wide}) * c1 + CAST(p3 AS {wide}) * c3 + CAST(p2 AS {wide}) * v * 100
            WHEN code = '7' THEN CAST(p2 AS {wide}) * v * 100
            WHEN code = 'K' AND q2 IS NOT NULL
                THEN greatest(CAST(c1 AS {wide}) * (CAST(p1 AS {wide}) * 100 - CAST(p2 AS {wide}) * (10000 - q2)),
                              CAST(c1 AS {wide}) * p3 * 100)
            END AS amount
        FROM whole),
    priced AS (
        SELECT l, replacements, d_base, d_replacement, v,
               CASE WHEN n_base = 1 AND v > 0 THEN CASE WHEN code <> 'K' THEN {cents_of_e11} ELSE {cents_of_e13} END END AS cents
        FROM exact)
    -- When both layouts fit, it is the full one (clarification 22).
    SELECT l, cents - d_base AS added, replacements > 0 AND cents IS NULL AS unable,
           replacements = 1 AND d_base <= {tolerance} AND abs(d_replacement - v * {all_in}) <= {tolerance} AS is_full,
           replacements = 1 AND abs(d_base - cents) <= {tolerance}
               AND abs(d_replacement - (v * {all_in} - cents)) <= {tolerance} AS is_split,
           replacements > 0 AS replaced
    FROM priced;

-- @bundled
-- More than its rate on an IEEPA number, while another duty number of the line shows nothing.
CREATE OR REPLACE TABLE bundled AS
    WITH above AS (
        SELECT DISTINCT m.l FROM odd_rows m JOIN lines n ON n.l = m.l
        LEFT JOIN ieepa_rate r ON r.h = m.h AND n.day BETWEEN r.first_day AND r.last_day
        LEFT JOIN (SELECT h, max(rate_e9) AS highest FROM ieepa_rate GROUP BY h) x ON x.h = m.h
        WHERE n.may_owe AND m.cls IN (1, 3) AND NOT n.in_set AND n.v > 0
          AND m.d > (coalesce(r.rate_e9, x.highest, 0) * (n.v - CASE WHEN placed = 'double' THEN v_ieepa ELSE 0 END)
                     + 5000000) {div} 10000000 + {tolerance})
    SELECT DISTINCT m.l FROM odd_rows m JOIN above a ON a.l = m.l JOIN lines n ON n.l = m.l
    JOIN owing w ON w.h = m.h AND n.day BETWEEN w.first_day AND w.last_day AND (NOT w.is_base OR m.spi IS NULL)
    WHERE m.cls = 0 AND m.d = 0;

-- @oddities
{into} oddities{as}
    SELECT n.e,
           CAST(coalesce(sum(CASE WHEN c.replaced AND c.is_split AND NOT c.is_full THEN 0 ELSE c.added END), 0) AS BIGINT)
               AS restored,
           bool_or(n.n98 < 2 AND n.disordered) AS order_broken,
           bool_or((n.n_base + n.n98 = 0 AND (n.remaining99 > 0 OR n.ieepa > 0))
                   OR (n.replacements > 0 AND n.n_base = 0 AND n.n98 = 0 AND NOT n.in_set)) AS partner_missing,
           bool_or(coalesce(n.day < n.first_day OR n.day > n.last_day, false)) AS inactive,
           bool_or(n.v_ieepa > 0) AS value_on_ieepa,
           bool_or(n.ieepa > 0 AND n.n_base > 0 AND n.v_base + n.v_98 = 0) AS value_missing,
           bool_or(coalesce(c.unable, false)) AS unable,
           bool_or(coalesce(c.replaced AND NOT c.unable AND NOT c.is_full AND NOT c.is_split, false)
                   OR b.l IS NOT NULL OR n.placed IN ('double', 'nowhere')
                   OR (n.charging > 0 AND n.d_ieepa > 0 AND n.remaining99 = 0 AND n.is_metal AND n.from_border
                       AND n.day BETWEEN {displaced_from} AND {displaced_to})) AS review
    FROM lines n LEFT JOIN column1 c ON c.l = n.l LEFT JOIN bundled b ON b.l = n.l
    GROUP BY n.e;

-- @decisions
CREATE TABLE decided AS
    WITH plain AS (
        SELECT f.*, coalesce(s.filed, 0) AS filed, coalesce(s.removed, 0) AS removed,
               coalesce(s.marks & 1 > 0, false) AS charging, coalesce(s.marks & 2 > 0, false) AS section_122,
               coalesce(s.marks & 4 > 0, false) OR coalesce(rate_day < s.first_day OR rate_day > s.last_day, false)
                   OR coalesce(x.inactive, false) AS inactive,
               coalesce(x.restored, 0) AS restored, coalesce(x.order_broken, false) AS order_broken,
               coalesce(x.partner_missing, false) AS partner_missing, coalesce(x.value_on_ieepa, false) AS value_on_ieepa,
               coalesce(x.value_missing, false) AS value_missing, coalesce(x.unable, false) AS unable,
               coalesce(x.review, false) AS review, lower(liquidation_status) AS status,
               coalesce(year_after_withdrawal, year_after_entry) AS anniversary
        FROM (SELECT *, CASE WHEN entry_type IN {entry_date_types} THEN entry_date
                             ELSE coalesce(inbond_date, entry_date) END AS rate_day FROM facts) f
        LEFT JOIN sums s ON s.e = f.e LEFT JOIN oddities x ON x.e = f.e),
    placed AS (
        SELECT *, coalesce(status IN ('liquidated', 'reliquidated'), false) AS on_record,
               coalesce(status IN ('extended', 'suspended', 'under review'), false)
                   OR coalesce(extension_suspension_code IN {hold_codes}, false)
                   OR (coalesce(status NOT IN ('liquidated', 'reliquidated'), true)
                       AND coalesce(entry_type IN {waiting_types}, false)) AS held,
               filed - removed + restored AS recalculated,
               coalesce(paid_duty_cents, filed) - coalesce(prior_refund_cents, 0) - (filed - removed + restored) AS difference
        FROM plain),
    stood AS (
        SELECT *, CASE WHEN on_record THEN liquidation_date
                       WHEN NOT held AND anniversary <= {accepted_on} THEN anniversary END AS liquidated_on
        FROM placed),
    judged AS (
        SELECT *, NOT coalesce(
               ({rule_summary_not_accepted} AND lower(summary_status) <> 'accepted')
            OR ({rule_control_status_not_cbp} AND lower(control_status) <> 'cbp')
            OR ({rule_statement_not_complete} AND NOT statement_complete), false)
            AND NOT coalesce(entry_type IN {refused_types}, false)
            AND NOT coalesce({rule_recon_flagged} AND reconciliation_flag, false)
            AND NOT ({rule_recon_not_phase2} AND (coalesce(reconciliation_flag, false)
                     AND coalesce(entry_type, '01') NOT IN ('01', '02', '06') OR coalesce(reconciliation_entry_filed, false)))
            AND NOT coalesce({rule_on_drawback} AND drawback_flag, false)
            AND NOT coalesce({rule_protest_open} AND lower(protest_status) IN ('open', 'suspended'), false)
            AND NOT coalesce({rule_adcvd_pending} AND adcvd_pending, false)
            AND NOT coalesce({rule_no_liquidation_status} AND status = '', false)
            AND NOT coalesce({rule_final_liquidation} AND {as_of} - liquidated_on > {accept_window}, false)
            AND NOT ({rule_no_ieepa_hts} AND NOT charging)
            AND NOT ({rule_section_122_only} AND section_122 AND NOT charging)
            AND NOT coalesce({rule_surety_paid} AND surety_paid, false)
            AND NOT ({rule_hts_relationship_sequence} AND (order_broken OR partner_missing OR inactive))
            AND NOT ({rule_goods_value_missing_base} AND value_missing)
            AND NOT ({rule_goods_value_on_ieepa} AND value_on_ieepa)
            AND NOT ({rule_invalid_hts} AND inactive)
            AND NOT ({rule_hts_relationship} AND partner_missing)
            AND NOT ({rule_unable_to_calculate} AND unable)
            AND NOT (on_record AND (liquidation_date IS NULL OR liquidation_date > {as_of}
                                    OR coalesce(liquidation_date < entry_date, false))) AS accepted
        FROM stood),
    -- The last run day before the year ends or the ordinary liquidation comes; none left means that day liquidates.
    limited AS (
        SELECT j.*, least(before_year.preceding, before_booked.preceding) AS day_limit,
               least(anniversary, scheduled_liquidation_date) AS ended
        FROM judged j
        LEFT JOIN calendar before_year ON before_year.day = anniversary - 1
        LEFT JOIN calendar before_booked ON before_booked.day = scheduled_liquidation_date - 1),
    based AS (
        SELECT *, CASE WHEN liquidated_on IS NOT NULL THEN liquidated_on
                       WHEN day_limit < {soonest} THEN ended END AS basis
        FROM limited),
    planned AS (
        SELECT b.*, CASE WHEN basis IS NULL THEN least(day_limit, {target})
                         WHEN latest.preceding >= soon.following THEN soon.following END AS wanted
        FROM based b
        LEFT JOIN calendar latest ON latest.day = basis + {reliquidation_limit}
        LEFT JOIN calendar soon ON soon.day = greatest(basis, {accepted_on}) + 1)
    SELECT e, accepted, CASE WHEN accepted THEN greatest(difference, 0) ELSE 0 END AS principal, deposit_date,
           CASE WHEN accepted AND NOT held AND NOT review AND difference >= 0 THEN wanted END AS day,
           coalesce(importer_kind, p.paid_as, 'corporate') AS kind,
           CASE WHEN to_party THEN notify_key ELSE importer_key END AS recipient,
           CASE WHEN to_party THEN notify_party ELSE importer_number END AS shown
    FROM (SELECT *, coalesce(notify_party_on_profile AND notify_key <> '', false) AS to_party FROM planned) d
    LEFT JOIN people p ON p.person = d.importer_key;

-- @pairs
SELECT DISTINCT deposit_date, day, kind FROM decided WHERE principal > 0 AND deposit_date < day


-- @results
CREATE TABLE entries AS
    SELECT e, accepted, principal, CASE WHEN deposit_date < day AND principal > 0 THEN {grown} ELSE 0 END AS interest, day,
           recipient, shown
    FROM decided d LEFT JOIN growth g ON g.start_day = d.deposit_date AND g.end_day = d.day AND g.paid_as = d.kind;
CREATE TABLE refunds AS
    SELECT coalesce(min(p.spelling), min(shown)) AS recipient, day AS liquidation_date, count(*) AS entries,
           CAST(sum(principal) AS BIGINT) AS principal_cents, CAST(sum(interest) AS BIGINT) AS interest_cents,
           CAST(sum(principal) + sum(interest) AS BIGINT) AS amount_cents
    FROM entries x LEFT JOIN people p ON p.person = x.recipient
    WHERE day IS NOT NULL AND principal > 0 GROUP BY x.recipient, day;
