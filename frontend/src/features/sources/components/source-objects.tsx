/** What a source has: objects with their counts and fields, and what reading all of it takes. */
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { ScrollRegion } from "@/components/ui/scroll-region";
import { RowHead, Table, Td, Th } from "@/components/ui/table";
import { sourceObjectsQuery } from "@/features/sources/api/manage";
import { InquiryDialog } from "@/features/sources/components/inquiry-dialog";
import type { Schemas } from "@/lib/api-client";
import { integer, NO_VALUE } from "@/lib/format";

interface SourceObjectsProps {
  source: { name: string; title: string };
  onClosed: () => void;
}

export function SourceObjectsDialog({ source, onClosed }: SourceObjectsProps) {
  const { t } = useTranslation();
  const query = useQuery(sourceObjectsQuery(source.name));
  const title = t("source.objects", { source: source.title });
  return (
    <InquiryDialog title={title} query={query} className="max-w-3xl" onClosed={onClosed}>
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
    </InquiryDialog>
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
