/** A dialog that asks the source something, shows what it says, and is closed. */
import type { UseQueryResult } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";
import { QueryPanel } from "@/components/state/query-panel";
import { Bones } from "@/components/state/skeleton";
import { Button } from "@/components/ui/button";
import { Dialog, DialogClose } from "@/components/ui/dialog";

interface InquiryDialogProps<T> {
  title: string;
  query: UseQueryResult<T>;
  className: string;
  onClosed: () => void;
  children: (answer: T) => ReactNode;
}

export function InquiryDialog<T>({ title, query, className, onClosed, children }: InquiryDialogProps<T>) {
  const { t } = useTranslation();
  const [open, setOpen] = useState(true);
  return (
    <Dialog open={open} onOpenChange={setOpen} onClosed={onClosed} label={title} className={className}>
      <div className="flex flex-col gap-3 overflow-y-auto p-5">
        <h2 className="font-semibold text-base">{title}</h2>
        <QueryPanel query={query} skeleton={<Bones rows={6} className="h-8" />}>
          {children}
        </QueryPanel>
        <div className="flex justify-end gap-2">
          <DialogClose render={<Button>{t("source.close")}</Button>} />
        </div>
      </div>
    </Dialog>
  );
}
