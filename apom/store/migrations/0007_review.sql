-- Who looks through a review link: a browser, known by the hash of the secret in its cookie. `round_before`: the number of
-- the round that was the last one on the visit before this one, for what has changed since.
create table reviewer (
    id uuid primary key,
    link_id uuid not null,
    project_id uuid not null,
    browser_hash text not null,
    name text not null,
    admitted_at timestamptz,
    round_seen integer,
    round_before integer,
    visit_at timestamptz not null,
    before_at timestamptz,
    seen_at timestamptz not null,
    created_at timestamptz not null,
    unique (link_id, browser_hash)
);
-- What was done with a link, for those who sent it.
create table link_activity (
    id uuid primary key,
    project_id uuid not null,
    link_id uuid not null,
    reviewer_id uuid not null,
    box_id uuid,
    action text not null check (action in ('OPENED', 'VIEWED', 'COMMENTED', 'APPROVED', 'CHANGES_WANTED', 'DOWNLOADED')),
    happened_at timestamptz not null
);
alter table round_shot add column duration_s double precision;
alter table comment add column reviewer_id uuid;
alter table comment add column hidden_at timestamptz;
alter table verdict add column reviewer_id uuid;
alter table verdict add column is_read boolean default false;
