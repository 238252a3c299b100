alter table handover add foreign key (project_id) references project deferrable initially deferred;
alter table handover add foreign key (made_by) references app_user deferrable initially deferred;
create index handover_project on handover (project_id, number desc);
create index handover_made_by on handover (made_by);
