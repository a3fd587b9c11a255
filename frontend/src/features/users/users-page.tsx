/** Who may sign in, as what: found by address, invited, changed, shut out. */
import "@/i18n/later";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { QueryPanel } from "@/components/state/query-panel";
import { Bones } from "@/components/state/skeleton";
import { Button } from "@/components/ui/button";
import { PageHeader } from "@/components/ui/page-header";
import { Panel } from "@/components/ui/panel";
import { TextField } from "@/components/ui/text-field";
import { usersQuery } from "@/features/users/api/users";
import { InviteDialog } from "@/features/users/components/invite-dialog";
import { UserTable } from "@/features/users/components/user-table";

export function UsersPage() {
  const { t } = useTranslation();
  const [q, setQ] = useState("");
  const [pages, setPages] = useState<string[]>([]);
  const [inviting, setInviting] = useState(false);
  const query = useQuery(usersQuery(q, pages.at(-1)));
  const find = (text: string) => {
    setQ(text);
    setPages([]);
  };
  const next = query.data?.next;
  return (
    <>
      <PageHeader title={t("users.title")} subtitle={t("users.subtitle")}>
        <Button look="primary" onClick={() => setInviting(true)}>
          {t("users.invite")}
        </Button>
      </PageHeader>
      <div className="max-w-xs">
        <TextField label={t("users.find")} type="search" value={q} onChange={find} />
      </div>
      <Panel title={t("users.accounts")} flush>
        <QueryPanel query={query} skeleton={<Bones rows={6} className="mx-4 my-3" />}>
          {({ users }) => <UserTable users={users} />}
        </QueryPanel>
      </Panel>
      {(pages.length > 0 || next) && (
        <div className="flex justify-end gap-2">
          <Button disabled={pages.length === 0} onClick={() => setPages(pages.slice(0, -1))}>
            {t("users.back")}
          </Button>
          <Button disabled={!next} onClick={() => next && setPages([...pages, next])}>
            {t("users.more")}
          </Button>
        </div>
      )}
      {inviting && <InviteDialog onClosed={() => setInviting(false)} />}
    </>
  );
}
