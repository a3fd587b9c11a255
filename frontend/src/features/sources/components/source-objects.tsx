/** What a source has: objects with their counts and fields, and what reading all of it takes. */
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { QueryPanel } from "@/components/state/query-panel";
import { Bones } from "@/components/state/skeleton";
import { Button } from "@/components/ui/button";
import { Dialog, DialogClose } from "@/components/ui/dialog";
import { ScrollRegion } from "@/components/ui/scroll-region";
import { RowHead, Table, Td, Th } from "@/components/ui/table";
import { sourceObjectsQuery } from "@/features/sources/api/manage";
import type { Schemas } from "@/lib/api-client";
import { integer, NO_VALUE } from "@/lib/format";

interface SourceObjectsProps {
  source: { name: string; title: string };
  onClosed: () => void;
}

export function SourceObjectsDialog({ source, onClosed }: SourceObjectsProps) {
  const { t } = useTranslation();
  const [open, setOpen] = useState(true);
  const query = useQuery(sourceObjectsQuery(source.name));
  const title = t("source.objects", { source: source.title });
  return (
    <Dialog open={open} onOpenChange={setOpen} onClosed={onClosed} label={title} className="max-w-3xl">
      <div className="flex flex-col gap-3 overflow-y-auto p-5">
        <h2 className="font-semibold text-base">{title}</h2>
        <QueryPanel query={query} skeleton={<Bones rows={6} className="h-8" />}>
          {({ objects, calls, seconds }) => (
            <>
              <p className="mb-3 text-ink-2">
                {t("source.estimate", {
                  calls: integer(calls),
                  minutes: Math.max(1, Math.ceil(seconds / 60)),
                })}
              </p>
              <ObjectTable objects={objects} title={title} />
            </>
          )}
        </QueryPanel>
        <div className="flex justify-end gap-2">
          <DialogClose render={<Button>{t("source.close")}</Button>} />
        </div>
      </div>
    </Dialog>
  );
}

function ObjectTable({ objects, title }: { objects: Schemas["SourceObject"][]; title: string }) {
  const { t } = useTranslation();
  return (
    <ScrollRegion label={title}>
      <Table
        caption={title}
        head={
          <>
            <Th>{t("sources.object")}</Th>
            <Th figure>{t("source.records")}</Th>
            <Th figure>{t("source.fields")}</Th>
            <Th figure>{t("source.fieldsRead")}</Th>
            <Th>{t("source.custom")}</Th>
          </>
        }
      >
        {objects.map(({ object, records, fields, problem }) => (
          <tr key={object}>
            <RowHead className="font-mono text-xs">{object}</RowHead>
            <Td figure>{records == null ? NO_VALUE : integer(records)}</Td>
            <Td figure>{integer(fields.length)}</Td>
            <Td figure>{integer(fields.filter(({ read }) => read).length)}</Td>
            <Td className="break-words text-xs">
              {problem ? (
                <span className="text-bad">{problem}</span>
              ) : (
                fields
                  .filter(({ custom }) => custom)
                  .map(({ name }) => name)
                  .join(", ") || NO_VALUE
              )}
            </Td>
          </tr>
        ))}
      </Table>
    </ScrollRegion>
  );
}
