-- Rows stay as they were written: PostgreSQL refuses to change or remove them.

CREATE TRIGGER late_interest_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON late_interest
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
