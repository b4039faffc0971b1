-- The whole road in plain SQL, written from the handbook: removal, column 1, principal, eligibility, schedule, cohorts.
-- Tables that Python has put in place before:
--   run(as_of, accepted_on)                    one row
--   facts(e, entry_number, ...)                one row per entry, every header fact (null when unknown)
--   deposits(entry_number, deposit_day, amount) the deposits file
--   people(key, importer_kind, ach_enrolled)   the importers file
--   numbers(e, l, o, h, v, d, ...)             one row per tariff number of a batch; h is the number's eight digits
--   r_*                                        the rule files as text
-- Sections between lines of "-- @name" are run one after the other; `lines` and `trial` once for every batch of entries.

-- @rules
CREATE TABLE ieepa AS SELECT DISTINCT CAST(hts_number AS INTEGER) AS h, kind AS cls, program FROM r_ieepa_numbers;
CREATE TABLE ieepa_rates AS
    SELECT CAST(hts_number AS INTEGER) AS h,
           CAST(CAST(rate AS DECIMAL(20, 9)) * 1000000000 AS BIGINT) AS rate_e9,
           CAST(effective_from AS DATE) AS first_day,
           coalesce(CAST(effective_to AS DATE), DATE '9999-12-31') AS last_day
    FROM r_ieepa_numbers WHERE rate IS NOT NULL;
CREATE TABLE other AS
    SELECT CAST(hts_number AS INTEGER) AS h, family, kind,
           coalesce(CAST(CAST(rate AS DECIMAL(20, 9)) * 1000000000 AS BIGINT), 0) AS rate_e9,
           coalesce(CAST(effective_from AS DATE), DATE '1900-01-01') AS first_day,
           coalesce(CAST(effective_to AS DATE), DATE '9999-12-31') AS last_day
    FROM r_other_chapter99;
CREATE MACRO e9(text) AS coalesce(CAST(CAST(text AS DECIMAL(24, 12)) * 1000000000 AS BIGINT), 0);
CREATE TABLE base AS
    SELECT CAST(hts8 AS INTEGER) AS h,
           coalesce(CAST(valid_from AS DATE), DATE '1900-01-01') AS first_day,
           coalesce(CAST(valid_to AS DATE), DATE '9999-12-31') AS last_day,
           computation_code AS code, e9(specific_rate) AS p1, specific_unit AS u1, e9(ad_valorem_rate) AS p2,
           e9(other_rate) AS p3, other_unit AS u3, string_split(coalesce(specials, ''), ';') AS free_for
    FROM r_hts_base;
CREATE TABLE special AS
    SELECT CAST(hts8 AS INTEGER) AS h, spi,
           coalesce(CAST(valid_from AS DATE), DATE '1900-01-01') AS first_day,
           coalesce(CAST(valid_to AS DATE), DATE '9999-12-31') AS last_day,
           computation_code AS code, e9(specific_rate) AS p1, specific_unit AS u1, e9(ad_valorem_rate) AS p2,
           e9(other_rate) AS p3, other_unit AS u3
    FROM r_special_rates WHERE readable = 'Y';
CREATE TABLE spi AS
    SELECT spi, coalesce(CAST(starts AS DATE), DATE '1900-01-01') AS starts,
           coalesce(CAST(lapsed_from AS DATE), DATE '9999-12-31') AS lapsed_from,
           coalesce(CAST(lapsed_to AS DATE), DATE '9999-12-31') AS lapsed_to
    FROM r_spi_codes;
CREATE TABLE known_days AS
    SELECT h, first_day, last_day FROM base UNION ALL SELECT h, first_day, last_day FROM other;

-- Rejecting rules in force on the filing day.
CREATE TABLE in_force AS
    SELECT upper(rule_id) AS code FROM r_eligibility_rules, run
    WHERE level = 'entry' AND outcome = 'reject_entry' AND rule_id <> 'final_liquidation_phase3'
      AND CAST(effective_from AS DATE) <= as_of AND (effective_to IS NULL OR as_of <= CAST(effective_to AS DATE));
CREATE TABLE types AS
    SELECT code AS entry_type, upper(rule_id) AS refused FROM r_entry_types, run
    WHERE cape_status = 'refused'
      AND CAST(effective_from AS DATE) <= as_of AND (effective_to IS NULL OR as_of <= CAST(effective_to AS DATE));

-- Run days: Monday to Thursday, less federal holidays and one-off closures.
CREATE TABLE closed AS
    SELECT CAST("date" AS DATE) AS day FROM r_statutory_holidays WHERE cbp_closed = 'Y'
    UNION SELECT CAST("date" AS DATE) FROM r_federal_closures;
CREATE TABLE calendar AS
    WITH days AS (SELECT CAST(unnest(generate_series(DATE '2024-01-01', DATE '2028-12-31', INTERVAL 1 DAY)) AS DATE) AS day),
         marked AS (SELECT day, isodow(day) <= 4 AND day NOT IN (SELECT day FROM closed) AS runs FROM days)
    SELECT day,
           min(day) FILTER (runs) OVER (ORDER BY day ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING) AS following,
           max(day) FILTER (runs) OVER (ORDER BY day ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS preceding
    FROM marked;

-- What the lines of an entry add up to; filled batch by batch.
CREATE TABLE sums (
    e INTEGER, filed HUGEINT, removed HUGEINT, restored HUGEINT, charging BOOLEAN, section_122 BOOLEAN,
    order_broken BOOLEAN, partner_missing BOOLEAN, inactive BOOLEAN, value_on_ieepa BOOLEAN, value_missing_base BOOLEAN,
    unable BOOLEAN, review BOOLEAN
);

-- @lines
CREATE OR REPLACE TEMP TABLE marked AS
    SELECT n.*, i.cls, i.program, n.h // 1000000 = 98 AS is98, n.h // 1000000 = 99 AS is99, n.h // 1000000 < 98 AS is_base
    FROM numbers n LEFT JOIN ieepa i USING (h);
CREATE OR REPLACE TEMP TABLE lines AS
    SELECT m.e, m.l,
           CASE WHEN any_value(m.ftz_status) = 'P' AND any_value(m.privileged_date) IS NOT NULL
                    THEN any_value(m.privileged_date)
                WHEN any_value(f.entry_type) IN ('02', '07', '12', '32', '38') THEN any_value(f.entry_date)
                ELSE coalesce(any_value(f.inbond_date), any_value(f.entry_date)) END AS rate_day,
           any_value(m.spi_code) AS spi, coalesce(any_value(m.set_indicator), '') = 'V' AS in_set,
           sum(d) AS filed, coalesce(sum(d) FILTER (cls IS NOT NULL), 0) AS removed,
           coalesce(sum(d) FILTER (cls = 'replacement'), 0) AS d_replacement, coalesce(sum(d) FILTER (is_base), 0) AS d_base,
           count(*) FILTER (cls IS NOT NULL) AS ieepa, count(*) FILTER (cls = 'replacement') AS replacements,
           count(*) FILTER (cls IN ('additional', 'replacement')) AS charging,
           count(*) FILTER (is98) AS n98, count(*) FILTER (is99) AS n99, count(*) FILTER (is_base) AS n_base,
           min(h) FILTER (is_base) AS base_h,
           coalesce(sum(v) FILTER (cls IS NOT NULL), 0) AS v_ieepa, count(*) FILTER (cls IS NOT NULL AND v > 0) AS n_v_ieepa,
           coalesce(sum(v) FILTER (cls IS NULL), 0) AS v_rest, coalesce(sum(v) FILTER (is_base), 0) AS v_base,
           bool_or(h // 100 = 990303) AS section_122,
           bool_or(h // 100 IN (990301, 990302) AND cls IS NULL) AS never_existed,
           max(o) FILTER (is98) > least(min(o) FILTER (is99), min(o) FILTER (is_base)) AS late_98,
           max(o) FILTER (is99) > min(o) FILTER (is_base) AS late_99
    FROM marked m JOIN facts f USING (e) GROUP BY m.e, m.l;

-- Column 1 has to be known where a replacement number goes, and where a value moves to the base number.
CREATE OR REPLACE TEMP TABLE need AS
    SELECT *, CASE WHEN v_rest > 0 THEN v_rest ELSE v_ieepa END AS v
    FROM lines
    WHERE NOT in_set AND n98 = 0 AND (replacements > 0 OR (ieepa > 0 AND v_rest = 0 AND v_ieepa > 0 AND n_v_ieepa = 1));
CREATE OR REPLACE TEMP TABLE claimed AS
    WITH filed AS (
        SELECT n.*, m.q1, m.q2, m.q3, m.uom_1, m.uom_2, m.uom_3,
               EXISTS (FROM spi s WHERE s.spi = n.spi AND n.rate_day >= s.starts
                       AND NOT n.rate_day BETWEEN s.lapsed_from AND s.lapsed_to) AS in_force_spi
        FROM need n JOIN marked m ON m.e = n.e AND m.l = n.l AND m.is_base AND n.n_base = 1),
    rated AS (
        SELECT f.*,
               f.in_force_spi AND (list_contains(b.free_for, f.spi) OR list_contains(b.free_for, f.spi || '*')
                                   OR list_contains(b.free_for, f.spi || '+')) AS free,
               coalesce(s.code, b.code) AS code, coalesce(s.u1, CASE WHEN s.h IS NULL THEN b.u1 END) AS u1,
               coalesce(s.u3, CASE WHEN s.h IS NULL THEN b.u3 END) AS u3,
               CASE WHEN s.h IS NULL THEN b.p1 ELSE s.p1 END AS p1, CASE WHEN s.h IS NULL THEN b.p2 ELSE s.p2 END AS p2,
               CASE WHEN s.h IS NULL THEN b.p3 ELSE s.p3 END AS p3
        FROM filed f
        JOIN base b ON b.h = f.base_h AND f.rate_day BETWEEN b.first_day AND b.last_day
        LEFT JOIN special s ON s.h = f.base_h AND s.spi = f.spi AND f.in_force_spi
             AND f.rate_day BETWEEN s.first_day AND s.last_day),
    counted AS (
        SELECT *,
               CASE WHEN code = 'K' THEN q1 WHEN u1 = uom_1 THEN q1 WHEN u1 = uom_2 THEN q2 WHEN u1 = uom_3 THEN q3 END AS c1,
               CASE WHEN u3 = uom_1 THEN q1 WHEN u3 = uom_2 THEN q2 WHEN u3 = uom_3 THEN q3 END AS c3,
               base_h // 1000000 <> 22 AS not_alcohol
        FROM rated),
    whole AS (
        SELECT * REPLACE (
            CASE WHEN p1 <= 1000000000 AND not_alcohol AND coalesce(u1, '') <> 'PFL' THEN (c1 + 50) // 100 * 100 ELSE c1 END AS c1,
            CASE WHEN p3 <= 1000000000 AND not_alcohol AND coalesce(u3, '') <> 'PFL' THEN (c3 + 50) // 100 * 100 ELSE c3 END AS c3)
        FROM counted),
    -- Dollars in 10^-11 (code K: in 10^-13); null when a quantity is missing or the code has no formula.
    exact AS (
        SELECT *, CASE
            WHEN free OR code = '0' THEN CAST(0 AS HUGEINT)
            WHEN code IN ('1', '2') THEN CAST(p1 AS HUGEINT) * c1
            WHEN code = '3' THEN CAST(p1 AS HUGEINT) * c1 + CAST(p3 AS HUGEINT) * c3
            WHEN code IN ('4', '5', 'D') THEN CAST(p1 AS HUGEINT) * c1 + CAST(p2 AS HUGEINT) * v * 100
            WHEN code IN ('6', 'E') THEN CAST(p1 AS HUGEINT) * c1 + CAST(p3 AS HUGEINT) * c3 + CAST(p2 AS HUGEINT) * v * 100
            WHEN code = '7' THEN CAST(p2 AS HUGEINT) * v * 100
            WHEN code = 'K' AND q2 IS NOT NULL
                THEN greatest(CAST(c1 AS HUGEINT) * (CAST(p1 AS HUGEINT) * 100 - CAST(p2 AS HUGEINT) * (10000 - q2)),
                              CAST(c1 AS HUGEINT) * p3 * 100)
            END AS amount
        FROM whole)
    SELECT e, l, CASE WHEN free OR code <> 'K' THEN (amount + 500000000) // 1000000000
                      ELSE (amount + 50000000000) // 100000000000 END AS cents
    FROM exact;
CREATE OR REPLACE TEMP TABLE column1 AS
    SELECT n.e, n.l, n.replacements, n.d_base, n.d_replacement, n.v, c.cents,
           c.cents IS NULL OR n.v = 0 AS unable,
           -- When both layouts fit, it is the full one (clarification 22).
           abs(n.d_base) <= 299 AND abs(n.d_replacement - n.v * 15) <= 299 AS is_full,
           abs(n.d_base - c.cents) <= 299 AND abs(n.d_replacement - (n.v * 15 - c.cents)) <= 299 AS is_split
    FROM need n LEFT JOIN claimed c USING (e, l);

-- Several duties filed on one IEEPA number: more than its rate while another duty number of the line shows nothing.
CREATE OR REPLACE TEMP TABLE bundled AS
    WITH above AS (
        SELECT DISTINCT m.e, m.l FROM marked m JOIN lines n USING (e, l)
        JOIN ieepa_rates r ON r.h = m.h AND n.rate_day BETWEEN r.first_day AND r.last_day
        WHERE m.cls = 'additional' AND m.d > (CAST(r.rate_e9 AS HUGEINT) * (n.v_rest + n.v_ieepa) * 100 + 500000000) // 1000000000 + 299)
    SELECT DISTINCT m.e, m.l FROM marked m JOIN above USING (e, l) JOIN lines n USING (e, l)
    LEFT JOIN other t ON t.h = m.h AND n.rate_day BETWEEN t.first_day AND t.last_day AND t.rate_e9 > 0
    LEFT JOIN base b ON b.h = m.h AND n.rate_day BETWEEN b.first_day AND b.last_day AND b.code <> '0' AND n.spi IS NULL
    WHERE m.cls IS NULL AND m.d = 0 AND (t.h IS NOT NULL OR b.h IS NOT NULL);

CREATE OR REPLACE TEMP TABLE displaced AS
    SELECT DISTINCT m.e, m.l FROM marked m JOIN lines n USING (e, l)
    WHERE m.program IN ('fentanyl_canada', 'fentanyl_mexico') AND m.cls = 'additional'
      AND n.rate_day BETWEEN DATE '2025-03-04' AND DATE '2025-06-03' AND n.base_h // 1000000 IN (72, 73, 76)
      AND NOT EXISTS (FROM marked x JOIN other t USING (h) WHERE x.e = m.e AND x.l = m.l AND t.family LIKE '%232%');

-- A number that stays and has rows in our tables, but none on the day.
CREATE OR REPLACE TEMP TABLE inactive AS
    WITH days AS (SELECT DISTINCT m.h, n.rate_day FROM marked m JOIN lines n USING (e, l) WHERE m.cls IS NULL),
         wrong AS (
             SELECT h, rate_day FROM days JOIN known_days k USING (h)
             GROUP BY h, rate_day HAVING NOT bool_or(rate_day BETWEEN k.first_day AND k.last_day))
    SELECT DISTINCT m.e, m.l FROM marked m JOIN lines n USING (e, l) JOIN wrong w ON w.h = m.h AND w.rate_day = n.rate_day;

-- @trial
INSERT INTO sums
    SELECT n.e, sum(n.filed), sum(n.removed),
           coalesce(sum(CASE WHEN c.cents IS NULL OR (c.replacements > 0 AND NOT c.is_full AND c.is_split) THEN 0
                             WHEN c.replacements = 0 AND abs(c.cents - c.d_base) <= 299 THEN 0
                             ELSE c.cents - c.d_base END), 0),
           bool_or(n.charging > 0), bool_or(coalesce(n.section_122, false)),
           bool_or(n.n98 < 2 AND (coalesce(n.late_98, false) OR coalesce(n.late_99, false))),
           bool_or(n.n_base = 0 AND n.n99 > 0),
           bool_or(coalesce(n.never_existed, false) OR i.e IS NOT NULL),
           bool_or(n.v_ieepa > 0),
           bool_or(n.ieepa > 0 AND n.n_base > 0 AND n.v_base = 0 AND n.n98 = 0 AND NOT n.in_set),
           bool_or(coalesce(c.unable, false)),
           bool_or(coalesce(c.replacements > 0 AND NOT c.is_full AND NOT c.is_split, false)
                   OR b.e IS NOT NULL OR d.e IS NOT NULL
                   OR (n.v_ieepa > 0 AND n.v_rest > 0) OR n.n_v_ieepa > 1
                   OR (n.ieepa > 0 AND n.v_rest + n.v_ieepa = 0 AND NOT n.in_set))
    FROM lines n
    LEFT JOIN column1 c USING (e, l) LEFT JOIN bundled b USING (e, l)
    LEFT JOIN displaced d USING (e, l) LEFT JOIN inactive i USING (e, l)
    GROUP BY n.e;

-- @standing
CREATE TABLE standing AS
    WITH plain AS (
        SELECT *, CAST(coalesce(last_withdrawal_date, entry_date) + INTERVAL 1 YEAR AS DATE) AS anniversary,
               lower(trim(liquidation_status)) AS status
        FROM facts),
    placed AS (
        SELECT *, coalesce(status IN ('liquidated', 'reliquidated'), false) AS on_record,
               coalesce(status IN ('extended', 'suspended', 'under review'), false)
                   OR coalesce(extension_suspension_code IN (SELECT code FROM r_hold_codes), false)
                   OR (coalesce(status NOT IN ('liquidated', 'reliquidated'), true)
                       AND coalesce(entry_type IN ('03', '07', '21', '22', '31', '32', '34', '38'), false)) AS held
        FROM plain)
    SELECT p.*, CASE WHEN on_record THEN liquidation_date
                     WHEN NOT held AND anniversary <= run.accepted_on THEN anniversary END AS liquidated_on
    FROM placed p, run;

-- @eligibility
CREATE TABLE failed AS
    WITH checks AS (
        SELECT s.e, unnest([
            {code: 'SUMMARY_NOT_ACCEPTED', fails: lower(s.summary_status) <> 'accepted'},
            {code: 'CONTROL_STATUS_NOT_CBP', fails: lower(s.control_status) <> 'cbp'},
            {code: 'STATEMENT_NOT_COMPLETE', fails: NOT s.statement_complete},
            {code: t.refused, fails: t.refused IS NOT NULL},
            {code: 'RECON_FLAGGED', fails: s.reconciliation_flag},
            {code: 'RECON_NOT_PHASE2', fails: (s.reconciliation_flag AND coalesce(s.entry_type, '01') NOT IN ('01', '02', '06'))
                                              OR s.reconciliation_entry_filed},
            {code: 'ON_DRAWBACK', fails: s.drawback_flag},
            {code: 'PROTEST_OPEN', fails: lower(s.protest_status) IN ('open', 'suspended')},
            {code: 'ADCVD_PENDING', fails: s.adcvd_pending},
            {code: 'NO_LIQUIDATION_STATUS', fails: s.status = ''},
            {code: 'FINAL_LIQUIDATION', fails: run.as_of - s.liquidated_on > 80},
            {code: 'NO_IEEPA_HTS', fails: NOT a.charging},
            {code: 'SECTION_122_ONLY', fails: a.section_122 AND NOT a.charging},
            {code: 'SURETY_PAID', fails: s.surety_paid},
            {code: 'HTS_RELATIONSHIP_SEQUENCE', fails: a.order_broken OR a.partner_missing OR a.inactive},
            {code: 'GOODS_VALUE_MISSING_BASE', fails: a.value_missing_base},
            {code: 'GOODS_VALUE_ON_IEEPA', fails: a.value_on_ieepa},
            {code: 'INVALID_HTS', fails: a.inactive},
            {code: 'HTS_RELATIONSHIP', fails: a.partner_missing},
            {code: 'UNABLE_TO_CALCULATE', fails: a.unable},
            {code: 'CONTRADICTION', fails: s.on_record AND (s.liquidation_date IS NULL OR s.liquidation_date > run.as_of
                                                            OR s.liquidation_date < s.entry_date)}]) AS one
        FROM standing s JOIN sums a USING (e) LEFT JOIN types t ON t.entry_type = s.entry_type, run)
    SELECT e, list_sort(list_distinct(list(one.code))) AS reason_codes FROM checks
    WHERE one.fails AND (one.code = 'CONTRADICTION' OR one.code IN (SELECT code FROM in_force))
    GROUP BY e;

-- @decisions
CREATE TABLE decided AS
    WITH money AS (
        SELECT s.*, a.filed, a.removed, a.restored, a.filed - a.removed + a.restored AS recalculated, a.review, x.reason_codes,
               coalesce(s.paid_duty_cents, a.filed) - coalesce(s.prior_refund_cents, 0)
                   - (a.filed - a.removed + a.restored) AS difference
        FROM standing s JOIN sums a USING (e) LEFT JOIN failed x USING (e)),
    windows AS (
        SELECT m.*, reason_codes IS NULL AS accepted, held OR review OR difference < 0 AS waits,
               soon.following AS soonest, target.following AS target, before_limit.preceding AS before_limit,
               before_ordinary.preceding AS before_ordinary
        FROM money m, run
        JOIN calendar soon ON soon.day = run.accepted_on + 1
        JOIN calendar target ON target.day = run.accepted_on + 45
        LEFT JOIN calendar before_limit ON before_limit.day = m.anniversary - 1
        LEFT JOIN calendar before_ordinary ON before_ordinary.day = m.scheduled_liquidation_date - 1),
    planned AS (
        SELECT *, CASE WHEN anniversary IS NOT NULL AND target >= anniversary THEN before_limit ELSE target END AS by_limit
        FROM windows),
    ordinary AS (
        SELECT *, CASE WHEN scheduled_liquidation_date IS NOT NULL AND by_limit > scheduled_liquidation_date
                       THEN greatest(before_ordinary, soonest) ELSE by_limit END AS wanted
        FROM planned)
    SELECT *, CASE WHEN NOT accepted OR waits THEN NULL
                   WHEN liquidated_on IS NOT NULL THEN CASE WHEN soonest - liquidated_on <= 90 THEN soonest END
                   ELSE wanted END AS day,
           CASE WHEN NOT accepted THEN 'none' WHEN liquidated_on IS NOT NULL AND soonest - liquidated_on > 90 AND NOT held THEN 'none'
                WHEN waits THEN 'wait' WHEN liquidated_on IS NOT NULL THEN 'reliquidate' ELSE 'liquidate' END AS action,
           CASE WHEN accepted THEN greatest(difference, 0) ELSE 0 END AS principal
    FROM ordinary;

-- @recipients
CREATE MACRO plain_key(number) AS upper(replace(replace(number, '-', ''), ' ', ''));
CREATE TABLE paid AS
    SELECT d.*, coalesce(d.importer_kind, p.importer_kind, 'corporate') AS kind,
           CASE WHEN NOT d.accepted THEN NULL
                WHEN d.notify_party_on_profile AND coalesce(plain_key(d.notify_party), '') <> '' THEN d.notify_party
                ELSE nullif(trim(d.importer_number), '') END AS recipient
    FROM decided d LEFT JOIN people p ON p.key = plain_key(d.importer_number);
-- Parts of the principal by deposit; the last deposits come back first, and an earlier refund took its part before.
CREATE TABLE slices AS
    WITH by_day AS (
        SELECT p.e, p.kind, p.day, p.principal, coalesce(p.prior_refund_cents, 0) AS earlier, x.deposit_day,
               sum(x.amount) AS amount
        FROM paid p JOIN deposits x USING (entry_number) GROUP BY ALL),
    ordered AS (
        SELECT *, sum(amount) OVER (PARTITION BY e ORDER BY deposit_day DESC) - amount AS before FROM by_day)
    SELECT e, kind, day, deposit_day,
           greatest(0, least(amount, earlier + principal - before)) - greatest(0, least(amount, earlier - before)) AS cents
    FROM ordered
    UNION ALL
    SELECT e, kind, day, deposit_date, principal FROM paid
    WHERE entry_number NOT IN (SELECT entry_number FROM deposits);

-- @results
CREATE TABLE earned AS
    SELECT e, CASE WHEN bool_or(g.growth_e25 IS NULL) THEN NULL
                   ELSE sum((CAST(cents AS HUGEINT) * g.growth_e25 + 5000000000000000000000000) // 10000000000000000000000000)
                   END AS interest
    FROM slices s LEFT JOIN growth g ON g.start_day = s.deposit_day AND g.end_day = s.day AND g.kind = s.kind
    WHERE cents > 0 AND deposit_day < day GROUP BY e;
CREATE TABLE entries AS
    SELECT p.entry_number, CASE WHEN accepted THEN 'accepted' ELSE 'rejected' END AS disposition,
           coalesce(reason_codes, []) AS reason_codes, action,
           CAST(filed AS BIGINT) AS filed_duty_cents, CAST(removed AS BIGINT) AS removed_ieepa_cents,
           CAST(restored AS BIGINT) AS restored_column1_cents,
           CASE WHEN accepted THEN CAST(recalculated AS BIGINT) END AS recalculated_duty_cents,
           CAST(principal AS BIGINT) AS principal_cents,
           CASE WHEN r.e IS NULL THEN 0 ELSE CAST(r.interest AS BIGINT) END AS interest_cents,
           day AS liquidation_date, recipient, importer_number
    FROM paid p LEFT JOIN earned r USING (e)
    ORDER BY p.entry_number;
CREATE TABLE refunds AS
    SELECT min(recipient) AS recipient, liquidation_date, count(DISTINCT plain_key(importer_number)) AS importers, count(*) AS entries,
           CAST(sum(principal_cents) AS BIGINT) AS principal_cents,
           CASE WHEN count(*) = count(interest_cents) THEN CAST(sum(interest_cents) AS BIGINT) END AS interest_cents,
           plain_key(recipient) AS key
    FROM entries WHERE liquidation_date IS NOT NULL AND principal_cents > 0
    GROUP BY plain_key(recipient), liquidation_date;
CREATE TABLE refund_rows AS
    SELECT recipient, liquidation_date, importers, entries, principal_cents, interest_cents,
           principal_cents + coalesce(interest_cents, 0) AS amount_cents,
           CAST((principal_cents + coalesce(interest_cents, 0) + 9999999998) // 9999999999 AS INTEGER) AS parts,
           CASE WHEN recipient IS NULL THEN 'held_no_recipient' WHEN interest_cents IS NULL THEN 'held_no_interest_rate'
                WHEN NOT p.ach_enrolled THEN 'held_no_ach' ELSE 'ready' END AS status
    FROM refunds r LEFT JOIN people p USING (key) ORDER BY recipient, liquidation_date;
