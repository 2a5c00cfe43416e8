-- The ground that every migration stands on. Run by the owner, before each migrate; safe to repeat.

-- The functions name tables that the first migrate has yet to make.
SET LOCAL check_function_bodies = off;

CREATE SCHEMA IF NOT EXISTS kindwork;
REVOKE ALL ON SCHEMA kindwork FROM PUBLIC;
GRANT USAGE ON SCHEMA kindwork TO kindwork_app;
GRANT USAGE ON SCHEMA public TO kindwork_app, kindwork_backup;

-- A temporary table of the same name would stand before a real one.
DO $$ BEGIN
    EXECUTE format('REVOKE TEMPORARY, CREATE ON DATABASE %I FROM PUBLIC', current_database());
END $$;

ALTER DEFAULT PRIVILEGES IN SCHEMA public
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO kindwork_app;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO kindwork_app;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO kindwork_backup;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON SEQUENCES TO kindwork_backup;
ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;

-- The two key blocks of HMAC-SHA-256 (RFC 2104), made from the key file's context key.
CREATE TABLE IF NOT EXISTS kindwork.context_key (
    is_the_one boolean PRIMARY KEY DEFAULT true CHECK (is_the_one),
    inner_block bytea NOT NULL CHECK (length(inner_block) = 64),
    outer_block bytea NOT NULL CHECK (length(outer_block) = 64)
);
REVOKE ALL ON kindwork.context_key FROM PUBLIC, kindwork_app, kindwork_backup;

CREATE OR REPLACE FUNCTION kindwork.context_mac(message text) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT encode(sha256(k.outer_block || sha256(k.inner_block || convert_to(message, 'UTF8'))), 'hex')
    FROM kindwork.context_key k
$$;
REVOKE ALL ON FUNCTION kindwork.context_mac(text) FROM PUBLIC, kindwork_app;

-- The part of a verified context, or NULL. Everything that is not plainly valid is NULL:
-- IS DISTINCT FROM and IS NOT TRUE, since a comparison with NULL is not true and would let it pass.
CREATE OR REPLACE FUNCTION kindwork.context_part(wanted integer) RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    said text := NULLIF(current_setting('kindwork.context', true), '');
    part text[];
BEGIN
    IF said IS NULL THEN RETURN NULL; END IF;
    part := string_to_array(said, '|');
    IF array_length(part, 1) IS DISTINCT FROM 5 THEN RETURN NULL; END IF;
    IF kindwork.context_mac(part[1] || '|' || part[2] || '|' || part[3] || '|' || part[4])
        IS DISTINCT FROM part[5] THEN RETURN NULL; END IF;
    IF (part[4]::bigint >= extract(epoch FROM now())) IS NOT TRUE THEN RETURN NULL; END IF;
    RETURN NULLIF(part[wanted], '');
END $$;
REVOKE ALL ON FUNCTION kindwork.context_part(integer) FROM PUBLIC, kindwork_app;

CREATE OR REPLACE FUNCTION kindwork.context_clinic() RETURNS uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT kindwork.context_part(1)::uuid
$$;
REVOKE ALL ON FUNCTION kindwork.context_clinic() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION kindwork.context_clinic() TO kindwork_app, kindwork_owner;

CREATE OR REPLACE FUNCTION kindwork.context_user() RETURNS uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT kindwork.context_part(2)::uuid
$$;
REVOKE ALL ON FUNCTION kindwork.context_user() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION kindwork.context_user() TO kindwork_app, kindwork_owner;

-- What the triggers of rows that never change run (clinic/tenancy/constraints.py, Unchanging).
CREATE OR REPLACE FUNCTION kindwork.refuse_change() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RAISE EXCEPTION 'rows of % never change', TG_TABLE_NAME USING ERRCODE = 'check_violation';
END $$;
REVOKE ALL ON FUNCTION kindwork.refuse_change() FROM PUBLIC;

-- Before a clinic is known there are two ways in, and no third.

-- 1. After a password: which memberships has this person? It opens nothing, and answers only to
-- whoever can sign the question: logins are of no clinic, and an injection could ask for all of them.
CREATE OR REPLACE FUNCTION kindwork.memberships_of(person uuid, until bigint, proof text)
RETURNS TABLE (membership_id uuid, clinic_id uuid, role text, client_id uuid, time_zone text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT m.id, m.clinic_id, m.role::text, c.id, k.time_zone::text
    FROM public.clinic_membership m
    JOIN public.clinic_user u ON u.id = m.user_id AND u.is_active
    JOIN public.clinic_clinic k ON k.id = m.clinic_id AND k.is_active
    LEFT JOIN public.clinic_client c
        ON m.role = 'client' AND c.clinic_id = m.clinic_id AND c.user_id = m.user_id
    WHERE m.user_id = person AND m.is_active
        AND (until >= extract(epoch FROM clock_timestamp())) IS TRUE
        AND kindwork.context_mac('memberships|' || person || '|' || until) IS NOT DISTINCT FROM proof
    ORDER BY m.id
$$;
REVOKE ALL ON FUNCTION kindwork.memberships_of(uuid, bigint, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION kindwork.memberships_of(uuid, bigint, text) TO kindwork_app;

-- 2. With a token: check it, its expiry and its membership, and enter its clinic, in one statement.
-- No row is returned, and nothing is entered, for anything but a live token.
CREATE OR REPLACE FUNCTION kindwork.enter_by_token(token_digest text, seconds integer)
RETURNS TABLE (
    token_id uuid, membership_id uuid, clinic_id uuid, user_id uuid, role text, client_id uuid,
    time_zone text
)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    message text;
BEGIN
    SELECT t.id, m.id, m.clinic_id, m.user_id, m.role::text, c.id, k.time_zone::text
    INTO token_id, membership_id, clinic_id, user_id, role, client_id, time_zone
    FROM public.clinic_apitoken t
    JOIN public.clinic_membership m ON m.clinic_id = t.clinic_id AND m.id = t.membership_id AND m.is_active
    JOIN public.clinic_user u ON u.id = m.user_id AND u.id = t.user_id AND u.is_active
    JOIN public.clinic_clinic k ON k.id = m.clinic_id AND k.is_active
    LEFT JOIN public.clinic_client c
        ON m.role = 'client' AND c.clinic_id = m.clinic_id AND c.user_id = m.user_id
    WHERE t.digest = token_digest AND t.expiry > clock_timestamp();
    IF NOT FOUND THEN RETURN; END IF;
    message := clinic_id || '|' || user_id || '|token|'
        || (extract(epoch FROM clock_timestamp())::bigint + least(greatest(seconds, 1), 3600));
    PERFORM set_config('kindwork.context', message || '|' || kindwork.context_mac(message), true);
    RETURN NEXT;
END $$;
REVOKE ALL ON FUNCTION kindwork.enter_by_token(text, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION kindwork.enter_by_token(text, integer) TO kindwork_app;
