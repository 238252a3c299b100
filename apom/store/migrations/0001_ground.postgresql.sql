-- What PostgreSQL does besides: it refuses orphans, and it finds rows without reading a table through.
--
-- References are checked at the end of a transaction (boxes and takes point at each other, and what belongs together is
-- deleted table by table). None cascades: a row that goes away by itself leaves its file behind, which only the program
-- knows how to delete.
--
-- No references, on purpose:
--   ledger_entry.*, audit_entry.*                     they outlive the takes, the projects and the people they speak of
--   created_by, updated_by, used_by, published_by     who did it stays said when the account is gone
--   comment.user_id, verdict.user_id                  what was said to a client stays, with the name it was said under

alter table session add foreign key (user_id) references app_user deferrable initially deferred;
alter table api_token add foreign key (user_id) references app_user deferrable initially deferred;
alter table invitation add foreign key (project_id) references project deferrable initially deferred;
alter table project add foreign key (soundtrack_asset_id) references asset deferrable initially deferred;
alter table project_member add foreign key (project_id) references project deferrable initially deferred;
alter table project_member add foreign key (user_id) references app_user deferrable initially deferred;
alter table box add foreign key (project_id) references project deferrable initially deferred;
alter table box add foreign key (assignee_id) references app_user deferrable initially deferred;
alter table box add foreign key (headliner_asset_id) references asset deferrable initially deferred;
alter table batch add foreign key (project_id) references project deferrable initially deferred;
alter table asset add foreign key (project_id) references project deferrable initially deferred;
alter table asset add foreign key (box_id) references box deferrable initially deferred;
alter table asset add foreign key (parent_asset_id) references asset deferrable initially deferred;
alter table asset add foreign key (batch_id) references batch deferrable initially deferred;
alter table asset_recipe add foreign key (asset_id) references asset deferrable initially deferred;
alter table asset_input add foreign key (asset_id) references asset deferrable initially deferred;
alter table asset_input add foreign key (source_asset_id) references asset deferrable initially deferred;
alter table generation add foreign key (project_id) references project deferrable initially deferred;
alter table generation add foreign key (box_id) references box deferrable initially deferred;
alter table generation add foreign key (asset_id) references asset deferrable initially deferred;
alter table generation add foreign key (batch_id) references batch deferrable initially deferred;
alter table generation add foreign key (snapshot) references provider_snapshot deferrable initially deferred;
alter table generation_output add foreign key (generation_id) references generation deferrable initially deferred;
alter table generation_output add foreign key (asset_id) references asset deferrable initially deferred;
alter table job add foreign key (project_id) references project deferrable initially deferred;
alter table round add foreign key (project_id) references project deferrable initially deferred;
alter table round_shot add foreign key (round_id) references round deferrable initially deferred;
alter table round_shot add foreign key (box_id) references box deferrable initially deferred;
alter table round_shot add foreign key (asset_id) references asset deferrable initially deferred;
alter table shared_link add foreign key (project_id) references project deferrable initially deferred;
alter table comment add foreign key (project_id) references project deferrable initially deferred;
alter table comment add foreign key (box_id) references box deferrable initially deferred;
alter table comment add foreign key (asset_id) references asset deferrable initially deferred;
alter table comment add foreign key (round_id) references round deferrable initially deferred;
alter table comment add foreign key (link_id) references shared_link deferrable initially deferred;
alter table comment add foreign key (parent_comment_id) references comment deferrable initially deferred;
alter table verdict add foreign key (project_id) references project deferrable initially deferred;
alter table verdict add foreign key (round_id) references round deferrable initially deferred;
alter table verdict add foreign key (box_id) references box deferrable initially deferred;
alter table verdict add foreign key (asset_id) references asset deferrable initially deferred;
alter table verdict add foreign key (link_id) references shared_link deferrable initially deferred;

-- Lists of takes, newest first: of a shot, of a project, of everything; favourites; what is on its way.
create index asset_box_page on asset (box_id, created_at desc, id desc) where trashed_at is null;
create index asset_project_page on asset (project_id, created_at desc, id desc) where trashed_at is null;
create index asset_newest on asset (created_at desc, id desc) where trashed_at is null;
create index asset_favorites on asset (project_id, created_at desc, id desc) where is_favorite and trashed_at is null;
create index asset_open on asset (created_at, id) where status in ('PENDING', 'PROCESSING', 'ATTENTION') and trashed_at is null;
create index asset_batch on asset (batch_id, created_at, id) where batch_id is not null;

-- What the engine takes up, and how long each model has been taking.
create index generation_open on generation (created_at, id) where state in ('PENDING', 'SUBMITTING', 'PROCESSING', 'STORING');
create index generation_finished on generation (finished_at desc) where state = 'COMPLETED';

-- Money spent and promised, and what was done when.
create index ledger_entry_generation on ledger_entry (generation_id);
create index ledger_entry_project on ledger_entry (project_id, happened_at);
create index ledger_entry_person on ledger_entry (user_id, happened_at);
create index generation_promised on generation (project_id) where finished_at is null;
create index audit_entry_newest on audit_entry (happened_at desc, id);

-- Sessions and tokens that have ended; jobs that wait.
create index session_expired on session (expires_at);
create index api_token_expired on api_token (expires_at);
create index job_waiting on job (created_at, id) where state in ('PENDING', 'RUNNING');

-- What belongs to what, for everything above that points at a row which can be deleted.
create index session_person on session (user_id);
create index api_token_person on api_token (user_id);
create index invitation_project on invitation (project_id) where project_id is not null;
create index project_soundtrack on project (soundtrack_asset_id) where soundtrack_asset_id is not null;
create index project_member_person on project_member (user_id, project_id);
create index box_assignee on box (assignee_id) where assignee_id is not null;
create index box_headliner on box (headliner_asset_id) where headliner_asset_id is not null;
create index batch_project on batch (project_id);
create index asset_project on asset (project_id);
create index asset_box on asset (box_id);
create index asset_parent on asset (parent_asset_id) where parent_asset_id is not null;
create index asset_input_source on asset_input (source_asset_id);
create index generation_project on generation (project_id);
create index generation_box on generation (box_id);
create index generation_asset on generation (asset_id);
create index generation_batch on generation (batch_id) where batch_id is not null;
create index generation_output_asset on generation_output (asset_id);
create index job_project on job (project_id, created_at desc, id desc);
create index round_shot_box on round_shot (box_id);
create index round_shot_asset on round_shot (asset_id) where asset_id is not null;
create index shared_link_project on shared_link (project_id);
create index comment_project on comment (project_id);
create index comment_box on comment (box_id, created_at);
create index comment_asset on comment (asset_id) where asset_id is not null;
create index comment_round on comment (round_id) where round_id is not null;
create index comment_link on comment (link_id) where link_id is not null;
create index comment_parent on comment (parent_comment_id) where parent_comment_id is not null;
create index verdict_project on verdict (project_id);
create index verdict_round on verdict (round_id);
create index verdict_box on verdict (box_id);
create index verdict_asset on verdict (asset_id) where asset_id is not null;
create index verdict_link on verdict (link_id) where link_id is not null;
