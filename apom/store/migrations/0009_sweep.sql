-- Since when the file of a take cannot be found; null while it can.
alter table asset add column missing_at timestamptz;

-- What looking for files without a row, and for rows without a file, has found.
create table sweep (
    id uuid primary key,
    happened_at timestamptz not null,
    started_by text not null,
    is_held boolean not null,
    files bigint not null,
    bytes bigint not null,
    strays bigint not null,
    stray_bytes bigint not null,
    removed bigint not null,
    missing bigint not null
);
