-- What an editor has been given: the next hand-over holds only what is different. `content`: what stood where in the cut,
-- and which files went with it.
create table handover (
    id uuid primary key,
    project_id uuid not null,
    number integer not null,
    content json not null,
    made_by uuid not null,
    made_at timestamptz not null
);
