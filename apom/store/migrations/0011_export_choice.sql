-- What a person chose when they last exported in a format: chosen again by itself the next time.
create table export_choice (
    user_id uuid not null,
    format text not null,
    choices json not null,
    updated_at timestamptz not null,
    primary key (user_id, format)
);
