-- What credit was left at a provider, each time it was asked.
create table balance_reading (
    id uuid primary key,
    provider text not null,
    amount double precision not null,
    unit text,
    read_at timestamptz not null
);
