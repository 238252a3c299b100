-- Keys of providers, encrypted with a file that is not in the store.
create table provider_key (
    provider text not null,
    name text not null,
    sealed text not null,
    updated_by text not null,
    updated_at timestamptz not null,
    primary key (provider, name)
);

-- What an admin decided about a provider, in its place of 0001: until now nothing was ever written there.
drop table ai_provider;

create table ai_provider (
    slug text primary key,
    is_active boolean not null,
    base_url text,
    may_be_private boolean not null,
    definition json,
    shipped_sha256 text,
    updated_by text not null,
    updated_at timestamptz not null
);
