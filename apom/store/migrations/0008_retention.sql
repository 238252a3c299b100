-- When a take that nobody marked goes to the trash; said some days before, null while it stays.
alter table asset add column leaves_at timestamptz;

-- What the cleaning did, each time; `held`: why it did nothing and waits for a person.
create table retention_run (
    id uuid primary key,
    happened_at timestamptz not null,
    started_by text not null,
    held text check (held in ('CLOCK', 'SHARE')),
    takes bigint not null,
    announced bigint not null,
    trashed bigint not null,
    trashed_bytes bigint not null,
    purged bigint not null,
    purged_bytes bigint not null
);
