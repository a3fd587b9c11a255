/** What somebody can do with a source besides reading it now: whoever starts syncs, read a range again; whoever operates the pipeline, all. */
import { useQuery } from "@tanstack/react-query";
import { CalendarRange, Ellipsis, History, List, Pencil, PlugZap, Trash2 } from "lucide-react";
import { lazy, Suspense, useState } from "react";
import { useTranslation } from "react-i18next";
import { buttonClass } from "@/components/ui/button";
import { ConfirmDialog } from "@/components/ui/confirm-dialog";
import { Menu, MenuItem, MenuSeparator } from "@/components/ui/menu";
import { sourceInstancesQuery, useChangeSource, useForgetSource } from "@/features/sources/api/manage";
import type { SourceStatus } from "@/features/sources/api/sync";
import { SourceCursorsDialog } from "@/features/sources/components/source-cursors";
import { SourceForm, type SourceFormValues } from "@/features/sources/components/source-form";
import { SourceObjectsDialog } from "@/features/sources/components/source-objects";
import { SourceTestDialog } from "@/features/sources/components/source-test";
import { useCan } from "@/lib/access";

const BackfillDialog = lazy(() => import("@/features/sources/components/backfill-dialog"));

type Shown = "backfill" | "test" | "objects" | "cursors" | "edit" | "forget";

export function SourceMenu({ source }: { source: SourceStatus }) {
  const { t } = useTranslation();
  const canTrigger = useCan("sync:trigger");
  const canManage = useCan("ops:manage");
  const [shown, setShown] = useState<Shown>();
  const close = () => setShown(undefined);
  return (
    <>
      <Menu
        label={t("source.menu", { source: source.title })}
        trigger={<Ellipsis aria-hidden className="size-4" />}
        triggerClass={buttonClass({ look: "ghost", size: "icon" })}
      >
        {canTrigger && (
          <MenuItem icon={CalendarRange} onSelect={() => setShown("backfill")}>
            {t("backfill.item")}
          </MenuItem>
        )}
        {canManage && <ManageItems onSelect={setShown} />}
      </Menu>
      {shown === "backfill" && (
        <Suspense fallback={null}>
          <BackfillDialog source={source} onClosed={close} />
        </Suspense>
      )}
      {shown === "test" && <SourceTestDialog source={source} onClosed={close} />}
      {shown === "objects" && <SourceObjectsDialog source={source} onClosed={close} />}
      {shown === "cursors" && <SourceCursorsDialog source={source} onClosed={close} />}
      {shown === "edit" && <EditSource source={source} onClosed={close} />}
      <ForgetSource source={source} open={shown === "forget"} onClosed={close} />
    </>
  );
}

function ManageItems({ onSelect }: { onSelect: (shown: Shown) => void }) {
  const { t } = useTranslation();
  return (
    <>
      <MenuItem icon={PlugZap} onSelect={() => onSelect("test")}>
        {t("source.testItem")}
      </MenuItem>
      <MenuItem icon={List} onSelect={() => onSelect("objects")}>
        {t("source.objectsItem")}
      </MenuItem>
      <MenuItem icon={History} onSelect={() => onSelect("cursors")}>
        {t("source.cursorsItem")}
      </MenuItem>
      <MenuItem icon={Pencil} onSelect={() => onSelect("edit")}>
        {t("source.edit")}
      </MenuItem>
      <MenuSeparator />
      <MenuItem icon={Trash2} onSelect={() => onSelect("forget")}>
        {t("source.forget")}
      </MenuItem>
    </>
  );
}

/** The settings come from the server when they are wanted: the status, which everybody reads, has none of them. */
function EditSource({ source, onClosed }: { source: SourceStatus; onClosed: () => void }) {
  const { t } = useTranslation();
  const { data } = useQuery(sourceInstancesQuery);
  const change = useChangeSource(source.name);
  const present = data?.sources.find(({ name }) => name === source.name);
  if (!present) return null;
  const submit = ({ title, settings, secret }: SourceFormValues, close: () => void) =>
    change.mutate({ title, settings, ...(secret === "" ? {} : { secret }) }, { onSuccess: close });
  return (
    <SourceForm
      title={t("source.editTitle", { source: source.title })}
      submit={t("schedule.save")}
      present={{ ...present, secret: "" }}
      task={change}
      onSubmit={submit}
      onClosed={onClosed}
    />
  );
}

interface ForgetSourceProps {
  source: SourceStatus;
  open: boolean;
  onClosed: () => void;
}

function ForgetSource({ source, open, onClosed }: ForgetSourceProps) {
  const { t } = useTranslation();
  const forget = useForgetSource(source.name);
  return (
    <ConfirmDialog
      open={open}
      onOpenChange={(now) => !now && onClosed()}
      title={t("source.forgetTitle", { source: source.title })}
      text={t("source.forgetText")}
      confirm={t("source.forget")}
      task={forget}
      onConfirm={() => forget.mutate(undefined, { onSuccess: onClosed })}
    />
  );
}
