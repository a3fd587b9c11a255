/** The `?` sheet: every key and what it does. */
import { X } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Dialog, DialogClose } from "@/components/ui/dialog";
import { Kbd } from "@/components/ui/kbd";
import type { Command } from "@/lib/commands";

export default function ShortcutSheet({ commands, onClose }: { commands: Command[]; onClose: () => void }) {
  const { t } = useTranslation();
  const [open, setOpen] = useState(true);
  const rows = [
    { keys: "mod+k", label: t("shortcuts.palette") },
    ...commands.flatMap(({ keys, label }) => (keys ? [{ keys, label }] : [])),
    { keys: "?", label: t("shortcuts.sheet") },
  ];
  return (
    <Dialog
      open={open}
      onOpenChange={setOpen}
      onClosed={onClose}
      label={t("shortcuts.title")}
      className="max-w-md"
    >
      <div className="flex items-center justify-between border-line border-b py-2 ps-4 pe-2">
        <h2 className="font-semibold text-sm">{t("shortcuts.title")}</h2>
        <DialogClose
          aria-label={t("shortcuts.close")}
          className="rounded-md p-2 text-ink-2 hover:bg-surface-2"
        >
          <X aria-hidden className="size-4" />
        </DialogClose>
      </div>
      <dl className="divide-y divide-line overflow-y-auto px-4 py-1">
        {rows.map(({ keys, label }) => (
          <div key={keys} className="flex items-center justify-between gap-4 py-2 text-[0.8125rem]">
            <dt>{label}</dt>
            <dd>
              <Kbd keys={keys} />
            </dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}
