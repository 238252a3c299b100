-- The ground. Written in what DuckDB and PostgreSQL both understand: no foreign keys and no secondary indexes here
-- (DuckDB 2.0 refuses ordinary updates of referenced rows); keys first, unique columns next, free columns last.

create table app_user (
    id uuid primary key,
    username_key text not null unique,
    email_key text unique,
    username text not null,
    email text,
    password_hash text not null,
    is_admin boolean not null,
    is_active boolean not null,
    language text not null,
    monthly_limit double precision,
    created_at timestamptz not null,
    updated_at timestamptz not null
);

create table session (
    id uuid primary key,
    token_hash text not null unique,
    user_id uuid not null,
    created_at timestamptz not null,
    seen_at timestamptz not null,
    expires_at timestamptz not null,
    address text not null,
    agent text not null
);

create table invitation (
    id uuid primary key,
    token_hash text not null unique,
    project_id uuid,
    role text,
    expires_at timestamptz not null,
    used_by uuid,
    created_by uuid not null,
    created_at timestamptz not null
);

create table api_token (
    id uuid primary key,
    token_hash text not null unique,
    user_id uuid not null,
    name text not null,
    scopes text not null,
    last_used_at timestamptz,
    expires_at timestamptz not null,
    created_at timestamptz not null
);

create table project (
    id uuid primary key,
    name text not null,
    notes text not null,
    fps double precision not null,
    width integer not null,
    height integer not null,
    target_s double precision,
    style_text text not null,
    soundtrack_asset_id uuid,
    currency text not null,
    budget double precision,
    retention_days integer,
    is_archived boolean not null,
    created_by uuid not null,
    created_at timestamptz not null,
    updated_at timestamptz not null
);

create table project_member (
    project_id uuid not null,
    user_id uuid not null,
    role text not null check (role in ('OWNER', 'EDITOR', 'VIEWER')),
    created_at timestamptz not null,
    primary key (project_id, user_id)
);

create table box (
    id uuid primary key,
    project_id uuid not null,
    code text not null,
    name text not null,
    kind text not null check (kind in ('SHOT', 'REFERENCE', 'CUT')),
    section text not null,
    prompt_text text not null,
    line text not null,
    notes text not null,
    duration_s double precision,
    in_s double precision,
    out_s double precision,
    assignee_id uuid,
    order_index integer,
    headliner_asset_id uuid,
    takes_made integer not null,
    trashed_at timestamptz,
    created_by uuid not null,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    unique (project_id, code)
);

create table batch (
    id uuid primary key,
    token text not null unique,
    project_id uuid not null,
    name text not null,
    recipe json not null,
    estimate double precision,
    estimate_unit text,
    is_paused boolean not null,
    created_by uuid not null,
    created_at timestamptz not null,
    updated_at timestamptz not null
);

create table asset (
    id uuid primary key,
    project_id uuid not null,
    box_id uuid not null,
    number integer not null,
    asset_type text not null check (asset_type in ('IMAGE', 'VIDEO', 'AUDIO')),
    source_type text not null check (source_type in ('GENERATED', 'UPLOADED', 'IMG2VID')),
    status text not null
        check (status in ('PENDING', 'PROCESSING', 'COMPLETED', 'FAILED', 'CANCELLED', 'ATTENTION')),
    is_favorite boolean not null,
    rating integer not null check (rating between 0 and 5),
    ai_model text not null,
    seed bigint,
    error_message text,
    parent_asset_id uuid,
    batch_id uuid,
    external_task_id text,
    file_key text,
    thumb_key text,
    preview_key text,
    placeholder text,
    mime text,
    bytes bigint,
    width integer,
    height integer,
    duration_s double precision,
    fps double precision,
    sha256 text,
    trashed_at timestamptz,
    purged_at timestamptz,
    created_by uuid not null,
    created_at timestamptz not null,
    updated_at timestamptz not null
);

-- What a listing never reads.
create table asset_recipe (
    asset_id uuid primary key,
    prompt_text text not null,
    generation_config json not null,
    tags json not null,
    rights json not null
);

create table asset_input (
    asset_id uuid not null,
    source_asset_id uuid not null,
    role text not null,
    position integer not null,
    at_s double precision,
    primary key (asset_id, role, position)
);

create table provider_snapshot (
    sha256 text primary key,
    provider text not null,
    content json not null,
    created_at timestamptz not null
);

create table generation (
    id uuid primary key,
    project_id uuid not null,
    box_id uuid not null,
    asset_id uuid not null,
    batch_id uuid,
    provider text not null,
    model text not null,
    snapshot text not null,
    params json not null,
    inputs json not null,
    request json,
    task json not null,
    state text not null check (state in
        ('PENDING', 'SUBMITTING', 'PROCESSING', 'STORING', 'COMPLETED', 'FAILED', 'CANCELLED', 'ATTENTION')),
    attempts integer not null,
    next_at timestamptz not null,
    owner text,
    lease_until timestamptz,
    submitted_at timestamptz,
    finished_at timestamptz,
    cost_estimate double precision,
    cost_actual double precision,
    cost_unit text,
    amount double precision,
    currency text,
    rate double precision,
    error_code text,
    callback_token text,
    created_by uuid not null,
    created_at timestamptz not null,
    updated_at timestamptz not null
);

create table generation_output (
    generation_id uuid not null,
    position integer not null,
    asset_id uuid not null,
    primary key (generation_id, position)
);

create table job (
    id uuid primary key,
    kind text not null,
    project_id uuid,
    state text not null check (state in ('PENDING', 'RUNNING', 'PAUSED', 'DONE', 'FAILED', 'CANCELLED')),
    progress double precision not null,
    request json not null,
    result json,
    error_message text,
    created_by uuid not null,
    created_at timestamptz not null,
    updated_at timestamptz not null
);

create table ai_provider (
    slug text primary key,
    is_active boolean not null,
    base_url text,
    definition json,
    updated_by uuid not null,
    updated_at timestamptz not null
);

create table round (
    id uuid primary key,
    project_id uuid not null,
    number integer not null,
    note text not null,
    published_by uuid not null,
    published_at timestamptz not null,
    unique (project_id, number)
);

create table round_shot (
    round_id uuid not null,
    position integer not null,
    box_id uuid not null,
    code text not null,
    name text not null,
    asset_id uuid,
    in_s double precision,
    out_s double precision,
    primary key (round_id, position)
);

create table shared_link (
    id uuid primary key,
    token_hash text not null unique,
    project_id uuid not null,
    label text not null,
    expires_at timestamptz not null,
    password_hash text,
    can_comment boolean not null,
    can_approve boolean not null,
    can_download boolean not null,
    show_prompts boolean not null,
    revoked_at timestamptz,
    created_by uuid not null,
    created_at timestamptz not null,
    updated_at timestamptz not null
);

create table comment (
    id uuid primary key,
    project_id uuid not null,
    box_id uuid not null,
    asset_id uuid,
    round_id uuid,
    link_id uuid,
    user_id uuid,
    parent_comment_id uuid,
    author_name text not null,
    text text not null,
    visibility text not null check (visibility in ('INTERNAL', 'CLIENT')),
    region json,
    timecode_s double precision,
    end_s double precision,
    is_read boolean not null,
    is_resolved boolean not null,
    created_at timestamptz not null,
    updated_at timestamptz not null
);

create table verdict (
    id uuid primary key,
    project_id uuid not null,
    round_id uuid not null,
    box_id uuid not null,
    asset_id uuid,
    link_id uuid,
    user_id uuid,
    name text not null,
    verdict text not null check (verdict in ('APPROVED', 'CHANGES_WANTED')),
    created_at timestamptz not null
);

create table system_config (
    key text primary key,
    value json not null,
    updated_by uuid,
    updated_at timestamptz not null
);

-- Outlives takes, projects and people.
create table ledger_entry (
    id uuid primary key,
    generation_id uuid not null,
    user_id uuid not null,
    project_id uuid not null,
    provider text not null,
    model text not null,
    estimate double precision,
    actual double precision,
    unit text,
    is_play boolean not null,
    currency text,
    rate double precision,
    amount double precision,
    happened_at timestamptz not null
);

create table audit_entry (
    id uuid primary key,
    happened_at timestamptz not null,
    actor text not null,
    action text not null,
    object text not null,
    address text not null
);
